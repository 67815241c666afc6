"""DynamoDB in Dagster: what begins a date, what ends it, and what is mailed when it fails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from rds_lake.localcloud.dynamodb import export as dynamodb_export
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.defs.test_runs import materialized
from rds_lake_tests.support.world import DynamoWorld, until

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def dynamo(shell: Shell) -> DynamoWorld:
    """Two tables, recovered for weeks; only yesterday is looked at."""
    world = shell.world
    dynamo = world.of_dynamodb(start_date=YESTERDAY.isoformat(), athena=False, export_at="00:00", freshness_hours=0)
    # Yesterday's instant has passed whatever time it is now; today's may have, minutes ago.
    world.config = world.config.model_copy(update={"lake": world.config.lake.model_copy(update={"reconcile_days": 2})})
    dynamo.clock(datetime.now(UTC) - timedelta(days=9))
    dynamo.create("Reviews", {"id": {"S": "1"}, "stars": {"N": "5"}})
    dynamo.create("Users")
    dynamo.clock(None)
    shell.reload()
    return dynamo


def of_yesterday(requests: list[dg.RunRequest]) -> list[dg.RunRequest]:
    return [request for request in requests if request.partition_key == YESTERDAY.isoformat()]


def exported(dynamo: DynamoWorld) -> None:
    """Wait for the end of both exports, so that their events are not too early."""
    tables = ("Reviews", "Users")
    until(lambda: all(one["ExportStatus"] == "COMPLETED" for table in tables for one in dynamo.exports(table)))


def begin(shell: Shell) -> dg.ExecuteInProcessResult:
    """A date before the source's first one is a person's; so yesterday is begun by hand."""
    result = shell.begin(str(YESTERDAY))
    assert materialized(result) == []
    return result


def test_a_date_is_begun_once_its_instant_has_passed_and_ended_by_s3s_event(shell: Shell, dynamo: DynamoWorld) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=20)
    shell.world.with_source(export_at=moment.time().replace(second=0, microsecond=0))
    shell.reload()
    (request,) = [r for r in shell.reconcile() if r.partition_key == moment.date().isoformat()]
    assert request.tags["rds_lake/trigger"] == "begin"
    assert materialized(shell.run(request)) == []
    exported(dynamo)
    (rest,) = until(shell.tick)
    assert rest.tags["rds_lake/trigger"] == "settle"
    finished = shell.run(rest)
    assert finished.success
    assert materialized(finished) == ["parquet", "snapshot_export"]
    assert until(lambda: not shell.tick())


@pytest.mark.exhaustive
@pytest.mark.usefixtures("a_day_of_twenty_minutes")
def test_exports_that_dynamodb_has_no_place_for_wait_and_are_begun_again_the_oldest_date_first(
    shell: Shell, dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_export, "_QUOTA", 1)
    shell.world.with_source(export_at=(datetime.now(UTC) - timedelta(minutes=20)).time().replace(microsecond=0))
    shell.reload()
    dynamo.break_next_export(stuck=True)
    begun = shell.begin(str(YESTERDAY))
    (said,) = [
        o.metadata["rds_lake/status"].value for o in begun.asset_observations_for_node("reviews__snapshot_export")
    ]
    assert "waiting, as AWS allows no more at once" in str(said)
    assert (len(dynamo.exports("Reviews")), len(dynamo.exports("Users"))) == (1, 0)

    (again,) = shell.reconcile()
    assert (again.partition_key, again.tags["rds_lake/trigger"]) == (YESTERDAY.isoformat(), "begin"), "not today's"
    assert shell.run(again).success
    assert (len(dynamo.exports("Reviews")), len(dynamo.exports("Users"))) == (1, 0), "refused again, and nothing twice"

    monkeypatch.setattr(dynamodb_export, "_QUOTA", 300)
    (again,) = shell.reconcile()
    assert shell.run(again).success
    assert (len(dynamo.exports("Reviews")), len(dynamo.exports("Users"))) == (1, 1)
    assert TODAY.isoformat() in [request.partition_key for request in shell.reconcile()], (
        "now there is room for today's"
    )


@pytest.mark.exhaustive
def test_a_start_that_was_refused_is_not_repeated_every_tick(
    shell: Shell, dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_export, "_QUOTA", 0)
    (request,) = [r for r in shell.reconcile() if r.tags["rds_lake/trigger"] == "begin"]
    assert shell.run(request).success
    shell.grace_seconds = 600
    shell.reload()
    assert shell.reconcile() == []


@pytest.mark.exhaustive
def test_an_end_that_no_event_reported_is_found(shell: Shell, dynamo: DynamoWorld) -> None:
    begin(shell)
    (rest,) = until(lambda: of_yesterday(shell.reconcile()))
    assert shell.run(rest).success
    assert of_yesterday(shell.reconcile()) == []


@pytest.mark.exhaustive
def test_events_and_reconciliation_ask_for_the_same_run_once(shell: Shell, dynamo: DynamoWorld) -> None:
    begin(shell)
    exported(dynamo)
    (settle,) = until(shell.tick)
    assert shell.run(settle).success
    assert of_yesterday(shell.reconcile()) == []
    assert len(dynamo.exports("Reviews")) == 1


def test_a_failed_export_is_mailed_with_dynamodbs_words_and_not_repeated(shell: Shell, dynamo: DynamoWorld) -> None:
    box = shell.world.mailbox()
    dynamo.break_next_export(fail="the bucket refused", code="S3AccessDenied")
    begin(shell)
    (rest,) = until(lambda: of_yesterday(shell.reconcile()))
    result = shell.run(rest)
    assert "S3AccessDenied: the bucket refused" in shell.failure(result)
    (mail,) = box.read()
    assert "the bucket refused" in mail["Message"]
    assert of_yesterday(shell.reconcile()) == []


def test_recovery_that_is_off_fails_the_run_that_begins_and_is_mailed_once(shell: Shell, dynamo: DynamoWorld) -> None:
    dynamo.recovery("Users", on=False)
    box = shell.world.mailbox()
    shell.world.with_source(export_at=(datetime.now(UTC) - timedelta(minutes=20)).time().replace(microsecond=0))
    shell.reload()
    requests = shell.reconcile()
    results: list[Any] = [shell.run(request) for request in requests]
    assert results and not any(result.success for result in results)
    assert all("Users: point-in-time recovery is off" in mail["Message"] for mail in box.read())
    assert shell.reconcile() == []


def settled(shell: Shell) -> dg.ExecuteInProcessResult:
    """The run that S3's event or reconciliation asks for once all exports of yesterday have ended."""
    (request,) = until(lambda: of_yesterday(shell.tick()) or of_yesterday(shell.reconcile()))
    assert request.tags["rds_lake/trigger"] == "settle"
    return shell.run(request)


@pytest.mark.exhaustive
def test_changes_come_by_the_same_events_and_what_they_cannot_tell_by_a_full_export(
    shell: Shell, dynamo: DynamoWorld
) -> None:
    """No run waits: neither for the changes nor, where an attribute has another type now, for the full export."""
    before = YESTERDAY - timedelta(days=1)
    changed = datetime(before.year, before.month, before.day, 12, tzinfo=UTC)
    start = {"start_date": str(before), "incremental": True}
    dynamo = shell.world.of_dynamodb(athena=False, freshness_hours=0, **start)
    dynamo.clock(datetime.now(UTC) - timedelta(days=5))
    dynamo.put("Reviews", {"id": {"S": "2"}, "stars": {"N": "4"}})
    shell.reload()
    dynamo.clock(changed - timedelta(hours=2))
    assert shell.materialize(str(before), "snapshot_export", "parquet").success
    dynamo.clock(changed)
    dynamo.put("Reviews", {"id": {"S": "1"}, "stars": {"S": "five"}})
    dynamo.put("Users", {"id": {"S": "ada"}})
    dynamo.clock(None)
    begin(shell)
    exported(dynamo)
    first = settled(shell)
    assert (first.success, materialized(first)) == (True, ["snapshot_export"])
    exported(dynamo)
    second = settled(shell)
    assert (second.success, materialized(second)) == (True, ["parquet", "snapshot_export"])
    kinds = {name: [one["ExportType"] for one in dynamo.exports(name)] for name in ("Reviews", "Users")}
    assert kinds["Reviews"] == ["FULL_EXPORT", "INCREMENTAL_EXPORT", "FULL_EXPORT"]
    assert kinds["Users"] == ["FULL_EXPORT", "INCREMENTAL_EXPORT"]


@pytest.mark.exhaustive
def test_a_source_without_snapshots_is_stale(shell: Shell, dynamo: DynamoWorld) -> None:
    dynamo.recovery("Users", on=False)
    shell.world.with_source(freshness_hours=0.001)
    shell.reload()
    begun = shell.reconcile()
    assert [r.tags["rds_lake/trigger"] for r in begun] == ["begin"] * len(begun), "not while its first date is made"
    for request in begun:
        shell.run(request)
    incidents = [r for r in shell.reconcile() if r.tags["rds_lake/trigger"] == "incident"]
    result = shell.run(incidents[0])
    assert "reviews has no snapshot of the last 0.001 h" in shell.failure(result)


@pytest.mark.exhaustive
def test_a_source_that_is_scanned_is_read_once_a_day_in_one_run(shell: Shell, dynamo: DynamoWorld) -> None:
    shell.world.with_source(method="scan")
    shell.reload()
    (request,) = shell.reconcile()
    assert (request.partition_key, request.tags["rds_lake/trigger"]) == (TODAY.isoformat(), "scan")
    finished = shell.run(request)
    assert finished.success
    assert materialized(finished) == ["parquet", "snapshot_export"]
    assert shell.reconcile() == []
