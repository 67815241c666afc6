"""Dagster without its daemon: ticks of sensors and the runs they ask for, in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg
from account import Account

from rds_lake.defs.build import build_definitions

Say = Callable[[str], None]
_LONGEST_SECONDS = 600
_QUIET = {"console": {"config": {"log_level": "ERROR"}}}  # what runs say is a page for each
_SHOWN = ("rds_lake/warehouse_run", "rds_lake/asked_by", "rds_lake/published", "rds_lake/files", "rds_lake/notes")


class Dagster:
    """The lake's own definitions."""

    def __init__(self, account: Account, instance: dg.DagsterInstance) -> None:
        self._account, self._instance = account, instance
        definitions = build_definitions(account.config, known_tables={}, resources={"aws": account.aws})
        self._repository = definitions.get_repository_def()
        self._job = definitions.resolve_implicit_global_asset_job_def()
        self._cursors: dict[str, str | None] = {}

    def publish(self, source: str, say: Say) -> None:
        """A snapshot of today, exported, catalogued and published."""
        now = datetime.now(UTC)
        identifier = self._account.config.databases[0].identifier
        body = {"database": identifier, "type": "automated", "at": now.isoformat()}
        order = Request(  # noqa: S310 - our own loopback endpoint
            f"{self._account.endpoint}/_local/snapshots",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(order, timeout=120):  # noqa: S310
            pass
        assets = [[source, name] for name in ("snapshot_export", "parquet", "catalog", "views")]
        self._materialize(assets, partition_key=now.date().isoformat())
        say(f"the snapshot of {now.date()} of {source} is published in the lake")

    def tick(self, sensor: str) -> Sequence[dg.RunRequest]:
        """One tick, and the runs that it asks for."""
        context = dg.build_sensor_context(
            instance=self._instance,
            cursor=self._cursors.get(sensor),
            repository_def=self._repository,
            resources=self._repository.get_top_level_resources(),
        )
        result: Any = self._repository.get_sensor_def(sensor).evaluate_tick(context)
        self._cursors[sensor] = result.cursor
        return result.run_requests or []

    def until_reported(self, sensor: str, say: Say) -> None:
        """Ticks, as the daemon has one every half minute, until a run of the warehouse has ended and Dagster knows it."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        ticks = 0
        seen: set[str] = set()
        while time.monotonic() < deadline:
            ticks += 1
            requests = self.tick(sensor)
            for line in self._account.progress():
                if line not in seen:
                    say(f"    {line}")
                seen.add(line)
            for request in requests:
                result = self._materialize(
                    [list(key.path) for key in request.asset_selection or ()],
                    run_config=request.run_config,
                    tags=dict(request.tags),
                    raise_on_error=False,
                )
                say(f"{ticks} ticks of the sensor later, Dagster's run ended {'well' if result.success else 'badly'}:")
                _show(result, say)
            if requests:
                return
            time.sleep(0.3)
        raise TimeoutError(f"no run of the warehouse ended within {_LONGEST_SECONDS} s")

    def _materialize(
        self, assets: Sequence[Sequence[str]], run_config: Mapping[str, Any] | None = None, **how: Any
    ) -> dg.ExecuteInProcessResult:
        keys = [dg.AssetKey(list(asset)) for asset in assets]
        config = {"loggers": _QUIET, **(run_config or {})}
        return self._job.execute_in_process(asset_selection=keys, instance=self._instance, run_config=config, **how)


def _show(result: dg.ExecuteInProcessResult, say: Say) -> None:
    bill: dict[str, Any] = {}
    for event in result.get_asset_materialization_events():
        shown = {key: value.value for key, value in event.materialization.metadata.items() if key not in _SHOWN}
        bill |= {key: shown.pop(key) for key in list(shown) if key.startswith("rds_lake/run_")}
        said = ", ".join(f"{key.partition('/')[2]} {value}" for key, value in shown.items())
        say(f"    {event.asset_key.to_user_string() if event.asset_key else ''}: {said}")
    for check in result.get_asset_check_evaluations():
        say(f"    check {check.asset_key.to_user_string()}: {check.description}")
    for event in result.filter_events(lambda event: event.is_step_failure):
        say(f"    {event.step_failure_data.user_failure_data}")
    said = ", ".join(f"{key.removeprefix('rds_lake/run_')} {value:g}" for key, value in bill.items())
    say(f"    the run's bill: {said}")
