"""The containers of `deploy/compose` as processes of this machine, with their own commands, and PostgreSQL.

ECS and Kubernetes have the same processes; what starts a run there is not tried here (docs/deploy.md).
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg
import pytest
import yaml

from rds_lake.demo.processes import ProcessGroup
from rds_lake.errors import QueryError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.ports import free_port
from rds_lake.stages.lake.known_tables import save_known_tables
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import World, until

_HOME = "/opt/dagster/dagster_home"
IN_THE_IMAGE = ("logs", ".logs_queue")
_LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUNS = "query { runsOrError { ... on Runs { results { runId jobName status } } } }"
_NODES = "query { assetNodes { assetKey { path } } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The running services. `ports`: of this machine, by those of the containers."""

    home: Path
    history: str
    ports: dict[str, str]
    processes: ProcessGroup

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        url = f"http://127.0.0.1:{self.ports['3000']}/graphql"
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=60) as answer:
            answered = json.load(answer)
        assert "errors" not in answered, answered
        return answered["data"]

    def is_loaded(self) -> bool:
        assert not self.processes.dead(), self.processes.dead()
        try:
            return bool(self.ask(_NODES)["assetNodes"])
        except (URLError, ConnectionError, TimeoutError):
            return False

    def launch(self, job: str) -> str:
        selector = {"repositoryLocationName": "rds_lake", "repositoryName": "__repository__", "jobName": job}
        answer = self.ask(_LAUNCH, p={"selector": selector, "runConfigData": {}})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def statuses(self) -> dict[str, tuple[str, str]]:
        """Job and status of every run."""
        found = self.ask(_RUNS)["runsOrError"]["results"]
        return {run["runId"]: (run["jobName"], run["status"]) for run in found}


def home_of(deploy: Path, work: Path, ports: dict[str, str], *, database_port: str) -> Path:
    """DAGSTER_HOME as the image has it, with this machine's ports and folders."""
    home = work / "home"
    for name in IN_THE_IMAGE:
        (home / name).mkdir(parents=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        text = (deploy / "compose" / name).read_text(encoding="utf-8")
        text = text.replace("port: 5432", f"port: {database_port}").replace("port: 4000", f"port: {ports['4000']}")
        (home / name).write_text(text.replace("/opt/dagster/logs", str(work / "logs")), encoding="utf-8")
    return home


@contextmanager
def composed(world: World, deploy: Path, history: str) -> Iterator[Composed]:
    """Every service that runs our image, with the command of compose.yaml."""
    work, services = (
        world.config.directory,
        yaml.safe_load((deploy / "compose" / "compose.yaml").read_text())["services"],
    )
    ports = {port: str(free_port()) for port in ("3000", "4000")}
    database = urlsplit(history)
    home = home_of(deploy, work, ports, database_port=str(database.port))
    given = {
        "DAGSTER_PG_HOST": str(database.hostname),
        "DAGSTER_PG_USERNAME": str(database.username),
        "DAGSTER_PG_PASSWORD": "unused",
        "DAGSTER_PG_DB": database.path.lstrip("/"),
        "RDS_LAKE_CODE_HOST": "127.0.0.1",
        "RDS_LAKE_HISTORY_DAYS": "90",
    }
    assert set(given) == set(services["code"]["environment"])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= variables_of(world.cloud.url) | given
    variables |= {"DAGSTER_HOME": str(home), "RDS_LAKE_CONFIG": str(work / "lake.yaml")}
    variables |= {"RDS_LAKE_SENSOR_SECONDS": "1", "RDS_LAKE_POLL_SECONDS": "0.2", "RDS_LAKE_GRACE_SECONDS": "5"}
    with ProcessGroup(environment=variables, log_folder=work) as processes:
        for name in ("code", "webserver", "daemon"):
            program, *arguments = services[name]["command"]
            local = [str(ports.get(word) or word.replace(_HOME, str(home))) for word in arguments]
            processes.start(name, [str(Path(sys.executable).parent / program), *local])
        running = Composed(home=home, history=history, ports=ports, processes=processes)
        until(running.is_loaded, what="the code location's start")
        yield running


@pytest.mark.exhaustive
@pytest.mark.skipif(
    importlib.util.find_spec("dagster_postgres") is None,
    reason="needs dagster-postgres: pip install 'rds-lake[deploy]'",
)
def test_a_snapshots_event_becomes_views_by_the_processes_of_a_deployment(
    world: World, deploy: Path, postgres: EmbeddedPostgres
) -> None:
    save_known_tables(world.config, world.config.sources[0], TABLES)
    history = postgres.create_database("dagster")
    with composed(world, deploy, history) as running:
        world.snapshot("2026-11-20")
        until(lambda: published(world) == [("2026-11-20",)], what="the views of the date")
        kept = running.launch("rds_lake_history")
        until(lambda: running.statuses()[kept][1] in ("SUCCESS", "FAILURE"), what="the history's run")
        statuses = until(lambda: all_ended(running), what="the end of all runs")
    assert {status for _, status in statuses.values()} == {"SUCCESS"}, statuses
    with psycopg.connect(history) as connection:
        rows = connection.execute("SELECT run_id FROM runs WHERE status = 'SUCCESS'").fetchall()
    assert {run for (run,) in rows} >= set(statuses)
    # The containers' file systems are read-only: nothing is written beside what the image has.
    assert {path.name for path in running.home.rglob("*")} == {"dagster.yaml", "workspace.yaml", *IN_THE_IMAGE}
    assert list((world.config.directory / "logs").rglob("*.err")), "what runs print"


def published(world: World) -> list[tuple[str | None, ...]]:
    try:
        return world.query("SELECT DISTINCT snapshot_date FROM orders")
    except QueryError:
        return []  # there is no such view yet


def all_ended(running: Composed) -> dict[str, tuple[str, str]]:
    statuses = running.statuses()
    return statuses if all(status in ("SUCCESS", "FAILURE") for _, status in statuses.values()) else {}
