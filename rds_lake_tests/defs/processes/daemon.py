"""Dagster's daemon and webserver as processes around a local cloud, killed and started again at will."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import yaml

from rds_lake.demo.processes import ProcessGroup
from rds_lake.demo.stack import dagster_home
from rds_lake.localcloud.databases.ports import free_port
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import until

_START_SECONDS = 120
_NODES = "query { assetNodes { assetKey { path } } }"
_TICKS = """query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState {
  ticks(limit: 10000) { timestamp endTimestamp status error { message } } } } } }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick of a sensor; `seconds` is None while it runs, or when it died."""

    seconds: float | None
    status: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dagster:
    """A running daemon and webserver."""

    url: str
    home: Path
    workspace: Path
    processes: ProcessGroup

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """A GraphQL answer."""
        sent = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", sent, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            answered = json.load(answer)
        assert "errors" not in answered, answered
        return answered["data"]

    def ticks(self, sensor: str) -> list[Tick]:
        """Every tick of the sensor."""
        selector = {"sensorName": sensor, "repositoryName": "__repository__", "repositoryLocationName": "rds_lake"}
        ticks = self.ask(_TICKS, {"s": selector})["sensorOrError"]["sensorState"]["ticks"]
        return [
            Tick(
                seconds=tick["endTimestamp"] - tick["timestamp"] if tick["endTimestamp"] else None,
                status=tick["status"],
                error=(tick["error"] or {}).get("message"),
            )
            for tick in ticks
        ]

    def restart_daemon(self) -> None:
        """SIGKILL to the daemon, in whatever it is doing, and another one."""
        process = self.processes._running["daemon"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.start_daemon()

    def restart_daemon_between_starts(self) -> None:
        """The same at a moment when it starts no run: one whose start it was in the middle of comes again after minutes only.

        And sometimes never by Dagster alone (docs/healing.md): `sensors/test_ticks.py` tests what reconciliation does then.
        """
        # A start that was lost by an earlier kill all the same is over after the time limit below, and not before.
        longest = _START_SECONDS + 60
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            until(lambda: not _is_starting_one(instance), seconds=longest, what="a moment without a run that starts")
        self.restart_daemon()

    def start_daemon(self) -> None:
        daemon = Path(sys.executable).parent / "dagster-daemon"
        self.processes.start("daemon", [str(daemon), "run", "-w", str(self.workspace)])

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/server_info", timeout=5):
                return True
        except (URLError, ConnectionError, TimeoutError):
            return False

    def _is_loaded(self) -> bool:
        return bool(self.ask(_NODES, {})["assetNodes"])


def _is_starting_one(instance: dg.DagsterInstance) -> bool:
    """Whether a run is marked as starting and has no process of its own yet."""
    starting = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    return any(
        not any((log.message or "").startswith("Started process for run") for log in instance.all_logs(run.run_id))
        for run in starting
    )


def _find_lost_starts_soon(home: Path) -> None:
    """A daemon that dies while it starts a run leaves it STARTING; monitoring finds that after the start's time limit.

    dagster.yaml gives a start five minutes, which a test would have to wait for whenever its kill falls into that second.
    """
    file = home / "dagster.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["run_monitoring"] |= {"start_timeout_seconds": _START_SECONDS, "poll_interval_seconds": 5}
    file.write_text(yaml.safe_dump(settings))


@contextmanager
def running_dagster(*, endpoint: str, config: Path, work: Path, root: Path, **settings: str) -> Iterator[Dagster]:
    """Daemon and webserver for the lake of `config`; `settings` join their environment."""
    home = dagster_home(root, work)
    _find_lost_starts_soon(home)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | variables_of(endpoint)
    variables |= {
        "DAGSTER_HOME": str(home),
        "RDS_LAKE_CONFIG": str(config),
        "RDS_LAKE_SENSOR_SECONDS": "1",
        "RDS_LAKE_POLL_SECONDS": "0.2",
        "RDS_LAKE_GRACE_SECONDS": "5",
    } | settings
    port = free_port()
    with ProcessGroup(environment=variables, log_folder=work) as processes:
        workspace = root / "workspace.yaml"
        running = Dagster(url=f"http://127.0.0.1:{port}", home=home, workspace=workspace, processes=processes)
        webserver = Path(sys.executable).parent / "dagster-webserver"
        processes.start("webserver", [str(webserver), "-w", str(workspace), "-p", str(port)])
        running.start_daemon()
        until(running._answers, what="the webserver's start")
        until(running._is_loaded, what="the code location's start")
        yield running
