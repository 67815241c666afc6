"""The real thing: Dagster's daemon and webserver as processes, killed at will; a backfill as the UI launches it; the UI."""

import shutil
from datetime import UTC, datetime

import dagster as dg
import pytest

from rds_lake_tests.defs.processes.crowd import OTHERS, until
from rds_lake_tests.defs.processes.daemon import Dagster
from rds_lake_tests.defs.storm import paid_twice
from rds_lake_tests.support.world import World

LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } ... on PythonError { message } } }"""


def launch(dagster: Dagster, days: list[str]) -> str:
    names = ("snapshot_export", "parquet", "catalog", "orders", "order_details", "sales_nothing")
    params = {"assetSelection": [{"path": ["shop", name]} for name in names], "partitionNames": days}
    answer = dagster.ask(LAUNCH, {"p": params})["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


@pytest.mark.exhaustive
def test_a_backfill_over_the_quota_survives_a_killed_daemon_and_names_the_date_without_snapshot(
    dagster: Dagster, crowd: World
) -> None:
    days = [f"2026-11-{day:02}" for day in range(10, 17)]
    for day in days:
        if day != "2026-11-12":
            crowd.snapshot(day, event=False)
    backfill = launch(dagster, days)
    until(lambda: crowd.gateways.rds.list_export_tasks(), what="the first export")
    dagster.restart_daemon_between_starts()

    def ended() -> str | None:
        status = dagster.ask(STATUS, {"id": backfill})["partitionBackfillOrError"]["status"]
        return status if status not in ("REQUESTED", "COMPLETED_PENDING") else None

    assert until(ended, seconds=600, what="the backfill's end") == "COMPLETED_FAILED"
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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_a_backfill_whose_runs_all_wait_keeps_no_sources_daily_export_out(dagster: Dagster, crowd: World) -> None:
    """AWS's five places are taken and never come free: what sensors ask for still begins, and ends, within seconds."""
    days = [f"2026-10-{day:02}" for day in range(10, 18)]
    for day in days:
        crowd.break_next_export(stuck=True)
        crowd.snapshot(day, event=False)
    backfill = launch(dagster, days)
    places = crowd.config.lake.export_quota
    until(lambda: len(crowd.gateways.rds.list_running_exports()) == places, what="a full account")
    today = datetime.now(UTC).date()
    arn = crowd.snapshot(str(today), hour=0, database=OTHERS[0])
    tags = {"rds_lake/trigger": "begin", "rds_lake/subject": arn}
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        begun = dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])
        until(lambda: instance.get_runs(begun), what="the daily export's run")
        waiting = dg.RunsFilter(tags={"dagster/backfill": backfill}, statuses=[dg.DagsterRunStatus.STARTED])
        # An export of the storm before may have one of the places for some seconds more.
        until(
            lambda: len(instance.get_runs(waiting)) >= places, seconds=60, what="a run of the backfill for every place"
        )
        assert len(instance.get_runs(waiting)) == places, "no more of a backfill than AWS has places for"
