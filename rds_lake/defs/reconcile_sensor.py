"""The sensor that compares what AWS has with what is materialized, for everything no event told.

A tick looks at as many sources as fit its time and goes on with the next one in the next tick; exports waiting for a place
are remembered in the cursor, so that the oldest date of the highest priority goes first whatever the turn.

What belongs here: adapting Dagster's tick to `stages/reconcile.py`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import dagster as dg

from rds_lake.config import LakeConfig
from rds_lake.config_source import SourceSettings
from rds_lake.defs.requests import RUNS_PER_TICK, Keys, run_request, selection
from rds_lake.defs.resources import AwsResource, Gateways, conversions, dynamo_exports, utc_now
from rds_lake.defs.run_log import DagsterRunLog
from rds_lake.defs.translate import partitions_of
from rds_lake.errors import RdsLakeError
from rds_lake.stages.dynamo_export import DynamoExports
from rds_lake.stages.dynamo_reconcile import DynamoReconciler, watch_set
from rds_lake.stages.freshness import watch
from rds_lake.stages.pointer import read_state, repairs_due
from rds_lake.stages.reconcile import Candidate, Examined, Reconciler, start_next
from rds_lake.stages.wanted import WantedIncident, WantedRun, repairing_run

# Dagster ends a tick after 60 s; one slow source behind this is still far from it.
_TICK_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """`following`: the source to begin with. `waiting`: exports that had no place. `turn` counts ticks."""

    turn: int = 0
    following: str = ""
    waiting: tuple[Candidate, ...] = field(default=())

    @classmethod
    def parse(cls, text: str | None) -> "_Cursor":
        if not text:
            return cls()
        body: dict[str, Any] = json.loads(text)
        waiting = [item | {"snapshot_date": date.fromisoformat(item["snapshot_date"])} for item in body["waiting"]]
        return cls(turn=body["turn"], following=body["following"], waiting=tuple(Candidate(**item) for item in waiting))

    def render(self) -> str:
        return json.dumps(asdict(self), default=str)


def reconcile_sensor(
    config: LakeConfig, keys: Keys, *, interval_seconds: int, grace_seconds: float
) -> dg.SensorDefinition:
    """The reconciliation sensor. `grace_seconds`: how long events are given to arrive first."""

    @dg.sensor(
        name="rds_lake_reconciliation",
        description="Compares AWS's snapshots and exports with what is materialized; starts and settles what is left.",
        target=selection(keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_reconciliation(context: dg.SensorEvaluationContext, aws: AwsResource) -> dg.SensorResult:
        gateways = aws.gateways(config.lake)
        log = run_log(context.instance, gateways, config, keys)
        reconciler = Reconciler(
            rds=gateways.rds,
            log=log,
            now=utc_now(),
            days=config.lake.reconcile_days,
            grace=timedelta(seconds=grace_seconds),
        )
        cursor = _Cursor.parse(context.cursor)
        tick = _Tick(
            config=config,
            reconciler=reconciler,
            dynamodb=DynamoReconciler(
                log=log,
                now=reconciler.now,
                days=reconciler.days,
                grace=reconciler.grace,
                turn=cursor.turn,
                conversions=conversions(config, gateways),
            ),
            exports=dynamo_exports(config, gateways, context.log.info),
            gateways=gateways,
            report=context.log.error,
        )
        order = _from(config.sources, cursor.following)
        examined = tick.examine(order, deadline=time.monotonic() + _TICK_SECONDS)
        seen = {found.source for found in examined}
        waiting = [c for found in examined for c in found.candidates]
        waiting += [c for c in cursor.waiting if c.source not in seen and c.source in keys]
        running = gateways.rds.list_running_exports() if waiting else []
        starting = start_next(
            waiting,
            running,
            quota=config.lake.export_quota,
            beginning=log.beginning() if waiting else 0,
            turn=cursor.turn,
        )
        wanted: list[WantedRun | WantedIncident] = [*starting]
        wanted += [item for found in examined for item in (*found.settling, *found.incidents)]
        if waiting:
            context.log.info(f"{len(waiting)} exports to start, {len(running)} in progress, {len(starting)} start now")
        started = {run.subject for run in starting}
        following = order[len(examined) % len(order)].name if examined else order[1 % len(order)].name
        return dg.SensorResult(
            # What does not fit is found again: nothing here depends on having been asked before.
            run_requests=[run_request(item, config, keys) for item in wanted[:RUNS_PER_TICK]],
            cursor=_Cursor(
                turn=cursor.turn + 1,
                following=following,
                waiting=tuple(c for c in waiting if c.subject not in started),
            ).render(),
        )

    return rds_lake_reconciliation


def run_log(instance: dg.DagsterInstance, gateways: Gateways, config: LakeConfig, keys: Keys) -> DagsterRunLog:
    """What the instance knows, by source."""
    return DagsterRunLog(
        instance=instance,
        s3=gateways.s3,
        layout=gateways.layout,
        last_keys={name: source[-1] for name, source in keys.items()},
        partitions={source.name: partitions_of(config, source) for source in config.sources},
        now=utc_now(),
    )


def _from(sources: Sequence[SourceSettings], name: str) -> list[SourceSettings]:
    """The sources in order, beginning with the named one."""
    names = [source.name for source in sources]
    start = names.index(name) if name in names else 0
    return [*sources[start:], *sources[:start]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    """One tick's examination; a source AWS refuses to talk about does not keep the others waiting."""

    config: LakeConfig
    reconciler: Reconciler
    dynamodb: DynamoReconciler
    exports: Mapping[str, DynamoExports]
    gateways: Gateways
    report: Callable[[str], None]

    def examine(self, sources: Sequence[SourceSettings], *, deadline: float) -> list[Examined]:
        examined: list[Examined] = []
        failed: list[str] = []
        for source in sources:
            if time.monotonic() > deadline:
                break
            try:
                examined.append(self._examine(source))
            except RdsLakeError as error:
                failed.append(f"{source.name}: {error}")
                examined.append(Examined(source=source.name, candidates=(), settling=(), incidents=()))
        if failed:
            self.report("sources that could not be compared, again in the next tick: " + "; ".join(failed))
        return examined

    def _examine(self, source: SourceSettings) -> Examined:
        if source.name not in self.exports:
            found = self.reconciler.examine(watch(self.config, source))
        else:
            found = self.dynamodb.examine(watch_set(self.config, source, self.exports[source.name]))
        return replace(found, settling=(*found.settling, *self._repairs(source)))

    def _repairs(self, source: SourceSettings) -> list[WantedRun]:
        """The published date once more, where a publication was killed or failed and views may be mixed."""
        if not source.athena:
            return []
        state = read_state(self.gateways.s3, self.gateways.layout, source.name)
        repair = repairs_due(state, source.name, now=self.reconciler.now)
        return [repairing_run(source.name, repair)] if repair else []
