"""Nothing gets lost: lost events, quota, restarts, incidents, with Dagster's own memory and the local cloud."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import ThrottledError
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.defs.test_runs import checks, materialized
from rds_lake_tests.support.door import open_door
from rds_lake_tests.support.pipeline_keys import aws_of
from rds_lake_tests.support.world import until

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def to_the_parquet_only(shell: Shell) -> None:
    """Reconciliation does not look at what happens after the Parquet."""
    shell.world.with_source(athena=False)
    shell.reload()


def statuses(shell: Shell) -> list[str]:
    return [task.status.value for task in shell.world.gateways.rds.list_export_tasks()]


def settle(shell: Shell) -> Any:
    """Reconcile until it asks for the run that takes an ended export over, and run it."""
    (request,) = until(shell.reconcile)
    return shell.run(request)


def test_a_date_none_of_whose_events_arrived_is_published_all_the_same(shell: Shell) -> None:
    """A copied snapshot, or a daemon that was down for hours."""
    shell.world.snapshot(str(YESTERDAY), event=False)
    (begin,) = shell.reconcile()
    assert begin.tags["rds_lake/trigger"] == "begin"
    assert materialized(shell.run(begin)) == []
    finished = settle(shell)
    assert finished.success
    assert "parquet" in materialized(finished)
    assert shell.reconcile() == [], "and then there is nothing left to do"
    assert statuses(shell) == ["COMPLETE"]


def test_with_dagsters_history_gone_the_lakes_own_records_say_what_is_finished(shell: Shell) -> None:
    """AWS's copy was removed after publication, so that another look at it would only find it gone."""
    for day in (YESTERDAY, TODAY):
        shell.world.snapshot(str(day), hour=0, event=False)
        assert shell.materialize(str(day)).success
    for key in shell.world.keys("exports/"):
        shell.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
    with quick_instance() as instance:
        new = Shell(shell.world, instance)
        assert new.reconcile() == []
        assert not new.mails


@pytest.mark.exhaustive
def test_an_export_that_was_replaced_and_removed_is_no_failure_when_its_end_is_reported_late(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY), hour=1)
    assert shell.materialize(str(YESTERDAY)).success
    (old,) = shell.world.gateways.rds.list_export_tasks()
    shell.world.with_source(replace=True, which="first")
    shell.world.snapshot(str(YESTERDAY), hour=0, event=False)
    run = shell.world.run()
    accepted = run.accept(YESTERDAY, poll_seconds=0.05)
    run.relocate(YESTERDAY)
    for key in shell.world.keys(old.folder):
        shell.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
    shell.world.with_source(which="newest")
    late = shell.world.run().accept(YESTERDAY, export_task=old.identifier)
    assert (late.reused, late.record.export_task) == (True, accepted.record.export_task)


@pytest.mark.exhaustive
def test_events_that_come_after_all_change_nothing(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY))
    shell.run(shell.reconcile()[0])
    assert settle(shell).success
    late = until(lambda: [r for r in [*shell.tick(), *shell.tick()] if r.run_key])
    for request in late:
        assert shell.run(request).success
    assert statuses(shell) == ["COMPLETE"]
    assert shell.reconcile() == []


def test_what_events_did_is_not_done_again(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY))
    shell.run(shell.tick()[0])
    assert shell.run(until(shell.tick)[0]).success
    assert shell.reconcile() == []


@pytest.mark.exhaustive
def test_a_date_a_person_materialized_is_left_alone(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY), event=False)
    assert shell.materialize(str(YESTERDAY)).success
    assert shell.reconcile() == []


@pytest.mark.exhaustive
def test_an_export_somebody_started_by_hand_is_taken_over_and_not_paid_twice(shell: Shell) -> None:
    world = shell.world
    arn = world.snapshot(str(YESTERDAY), event=False)
    world.root.rds.start_export(
        identifier="by-hand",
        source_arn=arn,
        bucket="acme-lake",
        prefix="exports",
        role=world.run().plan.role,
        kms_key="alias/rds-lake",
        include=(),
    )
    assert settle(shell).success
    assert [task.identifier for task in world.gateways.rds.list_export_tasks()] == ["by-hand"]


def test_a_failed_export_is_reported_once_however_many_events_say_so(shell: Shell) -> None:
    """Its event, the event again, and reconciliation, each with a run of its own."""
    mailbox = shell.world.mailbox()
    shell.world.snapshot(str(YESTERDAY))
    shell.world.break_next_export(fail="The IAM role can't be assumed")
    shell.run(shell.tick()[0])
    (by_event,) = until(shell.tick)
    assert not shell.run(by_event).success
    assert shell.reconcile() == [], "reconciliation sees the run"
    shell.run(by_event)
    (mail,) = mailbox.read()
    assert "The IAM role can't be assumed" in mail["Message"]
    assert len(mail["Subject"]) <= 100
    assert statuses(shell) == ["FAILED"], "no second export is paid for unless a person asks for it"


@pytest.mark.exhaustive
def test_after_a_failure_a_person_gets_the_next_attempt(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY), event=False)
    shell.world.break_next_export(fail="boom")
    shell.run(shell.reconcile()[0])
    assert not settle(shell).success
    assert shell.materialize(str(YESTERDAY)).success
    assert statuses(shell) == ["FAILED", "COMPLETE"]


def test_a_stuck_export_is_reported_once_with_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = shell.world.mailbox()
    shell.world.with_source(export_timeout_hours=1e-4)
    shell.reload()
    shell.world.break_next_export(stuck=True)
    shell.world.snapshot(str(YESTERDAY), event=False)
    shell.run(shell.reconcile()[0])
    (incident,) = until(shell.reconcile)
    assert shell.reconcile() == []
    assert not shell.run(incident).success
    (mail,) = mailbox.read()
    assert mail["Subject"].startswith("[rds-lake] shop: export stuck")
    assert "cancel it there" in mail["Message"]


def test_a_stale_source_fails_a_check_and_is_reported_once(shell: Shell) -> None:
    mailbox = shell.world.mailbox()
    shell.world.with_source(freshness_hours=30.0)
    shell.reload()
    shell.world.snapshot(str(TODAY - timedelta(days=9)), event=False)
    (incident,) = shell.reconcile()
    result = shell.run(incident)
    assert not result.success
    assert checks(result) == {"source_is_watched": False}
    assert shell.reconcile() == []
    (mail,) = mailbox.read()
    assert "no automated snapshot in the last 30 h" in mail["Message"]
    assert "backup window" in mail["Message"]


@pytest.mark.exhaustive
def test_a_fresh_source_passes_its_check_in_every_run(shell: Shell) -> None:
    shell.world.with_source(freshness_hours=50.0)
    shell.reload()
    shell.world.snapshot(str(YESTERDAY), hour=23, event=False)
    assert checks(shell.materialize(str(YESTERDAY)))["source_is_watched"] is True


@pytest.mark.exhaustive
def test_a_backup_that_failed_is_reported_to_the_source_that_waits_for_it(shell: Shell) -> None:
    shell.world.with_source(snapshots=("backup",))
    shell.reload()
    mailbox = shell.world.mailbox()
    detail = (
        '{"backupJobId": "J-1", "state": "FAILED", "resourceArn": "arn:aws:rds:us-east-1:123456789012:db:shop-prod"}'
    )
    entry = {"Source": "aws.backup", "DetailType": "Backup Job State Change", "Detail": detail}
    for _ in range(2):
        shell.world.clients.client("events").put_events(Entries=[entry])
    (incident,) = shell.tick()
    shell.run(incident)
    (mail,) = mailbox.read()
    assert "backup job j-1" in mail["Message"]


@pytest.mark.exhaustive
def test_a_throttled_source_does_not_fail_the_tick_and_is_compared_in_the_next(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*arguments: object) -> list[Any]:
        raise ThrottledError("Rate exceeded")

    shell.world.snapshot(str(YESTERDAY), event=False)
    with monkeypatch.context() as patch:
        patch.setattr(RdsGateway, "list_snapshots", throttled)
        assert shell.reconcile() == []
    assert len(shell.reconcile()) == 1


class TestQuota:
    """Exports that AWS had no place for wait their turn without a worker."""

    def occupy(self, shell: Shell, number: int) -> None:
        """Exports that other programs of the account started, which never end by themselves."""
        for at in range(number):
            arn = shell.world.snapshot(str(TODAY - timedelta(days=20 + at)), event=False)
            shell.world.break_next_export(stuck=True)
            shell.world.root.rds.start_export(
                identifier=f"foreign-{at}",
                source_arn=arn,
                bucket="acme-lake",
                prefix="elsewhere",
                role=shell.world.run().plan.role,
                kms_key="alias/rds-lake",
                include=(),
            )

    def test_a_refused_start_succeeds_without_worker_and_starts_when_a_place_is_free(self, shell: Shell) -> None:
        self.occupy(shell, 5)
        shell.world.snapshot(str(YESTERDAY))
        refused = shell.run(shell.tick()[0])
        assert refused.success
        (seen,) = refused.asset_observations_for_node("shop__snapshot_export")
        assert "waiting" in str(seen.metadata["rds_lake/status"].value)
        assert shell.reconcile() == [], "no place, no run"
        shell.world.clients.client("rds").cancel_export_task(ExportTaskIdentifier="foreign-0")
        (begin,) = until(shell.reconcile)
        assert shell.run(begin).success
        assert settle(shell).success

    @pytest.mark.exhaustive
    def test_of_several_dates_the_oldest_goes_first(self, shell: Shell) -> None:
        self.occupy(shell, 4)
        for day in (TODAY, YESTERDAY):
            shell.world.snapshot(str(day), hour=0, event=False)
        (begin,) = shell.reconcile()
        assert begin.partition_key == str(YESTERDAY)


@pytest.mark.exhaustive
def test_a_run_that_died_with_its_machine_does_not_block_its_date_for_ever(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.world.snapshot(str(YESTERDAY), event=False)
    (begin,) = shell.reconcile()
    job = shell.definitions.resolve_implicit_global_asset_job_def()
    tags = dict(begin.tags) | {"dagster/partition": str(YESTERDAY)}
    asked = {"tags": tags, "run_config": begin.run_config}
    dead = dg.DagsterRun(job_name=job.name, status=dg.DagsterRunStatus.STARTED, **asked)
    shell.instance.add_run(dead)  # type: ignore[attr-defined] - a run as a killed worker leaves it
    assert shell.reconcile() == [], "it may still be about to"
    later = datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr("rds_lake.defs.sensors.reconcile.utc_now", lambda: later)
    assert [request.partition_key for request in shell.reconcile()] == [str(YESTERDAY)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("days", [-3, 3])
def test_a_clock_days_off_begins_nothing_reports_no_stale_source_and_is_named(
    shell: Shell, days: int, capfd: pytest.CaptureFixture[str]
) -> None:
    shell.world.with_source(freshness_hours=36)
    shell.world.snapshot(str(YESTERDAY), hour=23, event=False)  # fresh at any time of today
    right = shell.world.aws
    with open_door(shell.world.cloud, lambda: datetime.now(UTC) + timedelta(days=days)) as door:
        shell.world.aws = aws_of(door.url, "pipeline")
        shell.reload()
        assert shell.reconcile() == []
    assert "clock differs from AWS's" in capfd.readouterr().err
    assert statuses(shell) == []
    shell.world.aws = right
    shell.reload()
    (begin,) = shell.reconcile()
    assert begin.tags["rds_lake/trigger"] == "begin"
