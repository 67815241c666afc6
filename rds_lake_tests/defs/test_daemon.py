"""The real thing: Dagster's daemon and webserver as processes, killed at will; a backfill as the UI launches it; the UI."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.stages.lake.known_tables import save_known_tables
from rds_lake_tests.defs.processes.daemon import Dagster, running_dagster
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.defs.storm import Queue, let_loose, make_storm, paid_twice
from rds_lake_tests.support.crowd import write_crowd
from rds_lake_tests.support.world import World, seed_tiny
from rds_lake_tests.support.world import until as _until

OTHERS = tuple(f"db-{number:02}" for number in range(3))
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)

# A look is a question to the local cloud or to Dagster's webserver, which take as long to answer as what is waited for.
until = partial(_until, every=0.5)

LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } ... on PythonError { message } } }"""


@pytest.fixture(scope="module")
def crowd(tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """A lake of the shop and three databases more, whose exports end at the Parquet."""
    seed_tiny(tiny_url)
    folder = tmp_path_factory.mktemp("crowd")
    config = write_crowd(root, folder, OTHERS, shop=True)
    save_known_tables(config, config.sources[0], TABLES)
    settings = ExportSettings(starting_seconds=0.5, progress_seconds=0.5)
    with LocalCloud(dict.fromkeys(("shop-prod", *OTHERS), tiny_url), exports=settings) as cloud:
        yield World.of(cloud, url=tiny_url, config=config)


@pytest.fixture(scope="module")
def dagster(crowd: World, root: Path) -> Iterator[Dagster]:
    config = crowd.config.directory / "lake.yaml"
    work = crowd.config.directory
    with running_dagster(endpoint=crowd.cloud.url, config=config, work=work, root=root) as running:
        yield running


def launch(dagster: Dagster, days: list[str]) -> str:
    names = ("snapshot_export", "parquet", "catalog", "orders", "order_details", "sales_nothing")
    params = {"assetSelection": [{"path": ["shop", name]} for name in names], "partitionNames": days}
    answer = dagster.ask(LAUNCH, {"p": params})["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_a_backfill_over_the_quota_survives_a_killed_daemon_and_names_the_date_without_snapshot(
    dagster: Dagster, crowd: World
) -> None:
    days = [f"2026-11-{day:02}" for day in range(10, 17)]
    for day in days:
        if day != "2026-11-12":
            crowd.snapshot(day, event=False)
    backfill = launch(dagster, days)
    until(lambda: crowd.gateways.rds.list_export_tasks(), seconds=120, what="the first export")
    dagster.restart_daemon_between_starts()

    def ended() -> str | None:
        status = dagster.ask(STATUS, {"id": backfill})["partitionBackfillOrError"]["status"]
        return status if status not in ("REQUESTED", "COMPLETED_PENDING") else None

    assert until(ended, seconds=300, what="the backfill's end") == "COMPLETED_FAILED"
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        newest_first = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
        # The newest run of each date: a start that died with the daemon has failed, and Dagster has run the date again.
        last = {run.tags["dagster/partition"]: run for run in reversed(newest_first)}
        failed = [run for run in last.values() if run.status is not dg.DagsterRunStatus.SUCCESS]
        assert [run.tags["dagster/partition"] for run in failed] == ["2026-11-12"]
        records = instance.get_records_for_run(failed[0].run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        (text,) = [
            str(r.event_log_entry.dagster_event.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]
            for r in records
        ]
    assert "shop-prod has no automated snapshot for 2026-11-12" in text
    assert "2026-11-10 to 2026-11-16" in text
    assert [row[0] for row in crowd.query("SELECT snapshot_date FROM _snapshots ORDER BY 1")] == [
        day for day in days if day != "2026-11-12"
    ]
    assert crowd.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-16",)]
    tasks = crowd.gateways.rds.list_export_tasks()
    assert (len(tasks), paid_twice(tasks)) == (6, [])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium: apt-get install chromium")
def test_the_asset_graph_opens_in_a_browser_with_the_sources_stages_and_tables(dagster: Dagster) -> None:
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


def queue_of(world: World) -> Queue:
    sqs = world.clients.client("sqs")
    name = world.config.lake.events_queue
    dead = sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]
    return Queue(sqs=sqs, url=world.gateways.queue.url, dead_url=dead)


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_a_storm_of_messages_and_a_daemon_killed_twice_leave_exactly_the_right_exports(
    dagster: Dagster, crowd: World
) -> None:
    """bench/storm.py does the same with 10,000 messages, 40 sources and ten kills."""
    arns = [crowd.snapshot(str(YESTERDAY), database=name, event=False) for name in OTHERS]
    before = {task.identifier for task in crowd.gateways.rds.list_export_tasks()}
    queue = queue_of(crowd)
    queue.be_impatient(visibility_seconds=5, receives=3)
    storm = make_storm(arns, size=200, seed=3)
    let_loose(storm, queue, kills=2, kill=dagster.restart_daemon_between_starts, at_most=200, seconds=200)

    def published() -> bool:
        day = YESTERDAY.isoformat()
        keys = [f"lake/_manifests/{name.replace('-', '_')}/{day}.json" for name in OTHERS]
        return set(keys) <= set(crowd.keys("lake/_manifests/"))

    until(published, seconds=200, what="the Parquet of every source")
    tasks = [t for t in crowd.gateways.rds.list_export_tasks() if t.identifier not in before]
    assert sorted(task.source_arn for task in tasks) == sorted(arns), "no paid export twice, none missed"
    assert sorted(queue.dead()) == sorted(body for body in storm.messages if body.startswith("poison"))
    ticks: list[Any] = dagster.ticks("rds_lake_events") + dagster.ticks("rds_lake_reconciliation")
    assert not [tick.error for tick in ticks if tick.status == "FAILURE"]


@pytest.mark.timeout(400)
def test_a_backfill_whose_runs_all_wait_keeps_no_sources_daily_export_out(dagster: Dagster, crowd: World) -> None:
    """AWS's five places are taken and never come free: what sensors ask for still begins, and ends, within seconds."""
    days = [f"2026-10-{day:02}" for day in range(10, 18)]
    for day in days:
        crowd.break_next_export(stuck=True)
        crowd.snapshot(day, event=False)
    backfill = launch(dagster, days)
    places = crowd.config.lake.export_quota
    until(lambda: len(crowd.gateways.rds.list_running_exports()) == places, seconds=200, what="a full account")
    today = datetime.now(UTC).date()
    arn = crowd.snapshot(str(today), hour=0, database=OTHERS[0])
    tags = {"rds_lake/trigger": "begin", "rds_lake/subject": arn}
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        begun = dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])
        until(lambda: instance.get_runs(begun), seconds=90, what="the daily export's run")
        waiting = dg.RunsFilter(tags={"dagster/backfill": backfill}, statuses=[dg.DagsterRunStatus.STARTED])
        # An export of the storm before may have one of the places for some seconds more.
        until(
            lambda: len(instance.get_runs(waiting)) >= places, seconds=60, what="a run of the backfill for every place"
        )
        assert len(instance.get_runs(waiting)) == places, "no more of a backfill than AWS has places for"
