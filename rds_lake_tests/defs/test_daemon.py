"""The real thing: Dagster's daemon and webserver as processes, a backfill launched as the UI does, the UI in Chromium."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import pytest

from rds_lake.demo.processes import ProcessGroup
from rds_lake.demo.stack import dagster_home
from rds_lake.localcloud.up import environment
from rds_lake.stages.known_tables import save_known_tables
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.world import World, until

LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
NODES = "query { assetNodes { assetKey { path } } }"
STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } ... on PythonError { message } } }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dagster:
    """A running daemon and webserver."""

    url: str
    home: Path
    world: World

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """A GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/server_info", timeout=5):
                return True
        except (URLError, ConnectionError, TimeoutError):
            return False

    def knows_the_source(self) -> bool:
        return any(node["assetKey"]["path"][0] == "shop" for node in self.ask(NODES, {})["assetNodes"])


@pytest.fixture
def dagster(world: World, tmp_path: Path, root: Path) -> Iterator[Dagster]:
    home = dagster_home(root, tmp_path)
    save_known_tables(world.config, world.config.sources[0], TABLES)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | environment(world.cloud.url)
    variables |= {
        "DAGSTER_HOME": str(home),
        "RDS_LAKE_CONFIG": str(world.config.directory / "lake.yaml"),
        "RDS_LAKE_SENSOR_SECONDS": "1",
        "RDS_LAKE_POLL_SECONDS": "0.2",
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workspace = str(root / "workspace.yaml")
    scripts = Path(sys.executable).parent
    with ProcessGroup(environment=variables, log_folder=tmp_path) as processes:
        processes.start("webserver", [str(scripts / "dagster-webserver"), "-w", workspace, "-p", str(port)])
        processes.start("daemon", [str(scripts / "dagster-daemon"), "run", "-w", workspace])
        running = Dagster(url=f"http://127.0.0.1:{port}", home=home, world=world)
        until(running.answers, seconds=90, what="the webserver's start")
        until(running.knows_the_source, seconds=90, what="the code location's start")
        yield running


def launch(dagster: Dagster, days: list[str]) -> str:
    names = ("snapshot_export", "parquet", "catalog", "orders", "order_details", "sales_nothing")
    params = {"assetSelection": [{"path": ["shop", name]} for name in names], "partitionNames": days}
    answer = dagster.ask(LAUNCH, {"p": params})["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


@pytest.mark.timeout(400)
def test_a_backfill_of_three_dates_fails_the_one_without_snapshot_by_name_and_finishes_the_others(
    dagster: Dagster,
) -> None:
    world = dagster.world
    # No event reaches the sensor: the backfill alone must do the work.
    world.clients.client("events").disable_rule(Name="rds-lake-events")
    world.snapshot("2026-11-18")
    world.snapshot("2026-11-20")
    backfill = launch(dagster, ["2026-11-18", "2026-11-19", "2026-11-20"])

    def ended() -> str | None:
        status = dagster.ask(STATUS, {"id": backfill})["partitionBackfillOrError"]["status"]
        return status if status not in ("REQUESTED", "COMPLETED_PENDING") else None

    assert until(ended, seconds=300, what="the backfill's end") == "COMPLETED_FAILED"
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
        states = {run.tags["dagster/partition"]: run.status for run in runs}
        assert states == {
            "2026-11-18": dg.DagsterRunStatus.SUCCESS,
            "2026-11-19": dg.DagsterRunStatus.FAILURE,
            "2026-11-20": dg.DagsterRunStatus.SUCCESS,
        }
        (failed,) = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
        records = instance.get_records_for_run(failed.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        (text,) = [
            str(r.event_log_entry.dagster_event.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]
            for r in records
        ]
    assert "shop-prod has no automated snapshot for 2026-11-19" in text
    assert "2026-11-18 to 2026-11-20" in text
    assert world.query("SELECT snapshot_date FROM _snapshots ORDER BY 1") == [("2026-11-18",), ("2026-11-20",)]
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]
    assert len(world.gateways.rds.list_export_tasks()) == 2


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium: apt-get install chromium")
def test_the_asset_graph_opens_in_a_browser_with_the_sources_stages_and_tables(
    dagster: Dagster, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        try:
            page = browser.new_page()
            page.goto(f"{dagster.url}/locations/rds_lake/asset-groups/shop/lineage", wait_until="domcontentloaded")
            for name in ("snapshot_export", "parquet", "catalog", "orders", "order_details"):
                page.get_by_text(name, exact=True).first.wait_for(timeout=90_000)
        finally:
            browser.close()
