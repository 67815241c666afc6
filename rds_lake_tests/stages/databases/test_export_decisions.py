"""Export decisions on a scripted RDS: adopt, reuse, next attempt, races, endings. On the local cloud: `test_export.py`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from rds_lake.errors import (
    ConflictError,
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    SnapshotNotFoundError,
    ThrottledError,
)
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.exports.task_id import export_task_id, parse_attempt
from rds_lake.stages.databases.export import (
    begin_export,
    choose_snapshot,
    find_attempts,
    record_of,
    run_export,
    settle_export,
)
from rds_lake.stages.databases.plan import ExportPlan, attempt_at
from rds_lake.stages.runs.waiting import Waiting
from rds_lake_tests.fakes.rds import PLAN, FakeRds

DAY = date(2026, 11, 20)


def snapshot(day: int = 20, *, hour: int = 5, status: str = "available", kind: str = "automated") -> Snapshot:
    name = f"rds:shop-prod-2026-11-{day:02}-{hour:02}-06"
    return Snapshot(
        arn=f"arn:aws:rds:us-east-1:111122223333:snapshot:{name}",
        identifier=name,
        source_identifier="shop-prod",
        kind=kind,
        engine="postgres",
        created_at=datetime(2026, 11, day, hour, 6, tzinfo=UTC),
        status=status,
    )


def task(attempt: int, status: ExportStatus, *, of: Snapshot | None = None, **changes: Any) -> ExportTask:
    of = of or snapshot()
    return ExportTask(
        identifier=export_task_id(subject=of.subject, include=PLAN.include, salt=PLAN.salt, attempt=attempt),
        source_arn=of.arn,
        status=status,
        bucket="acme-exports",
        prefix="exports",
        snapshot_time=of.created_at,
        **changes,
    )


class Time:
    """A clock that only sleeping moves; `events` happen one per sleep."""

    def __init__(self, events: Sequence[Callable[[], object]] = ()) -> None:
        self.now = 0.0
        self.events = list(events)
        self.lines: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            self.events.pop(0)()

    def waiting(self, *, timeout_seconds: float = 3600) -> Waiting:
        return Waiting(
            clock=lambda: self.now,
            sleep=self.sleep,
            timeout_seconds=timeout_seconds,
            poll_seconds=30,
            log=self.lines.append,
        )


def attempt_of(found: ExportTask) -> int | None:
    return parse_attempt(found.identifier, subject=found.source_arn, include=PLAN.include, salt=PLAN.salt)


def choose(rds: FakeRds, plan: ExportPlan = PLAN, day: date = DAY) -> Snapshot:
    return choose_snapshot(rds, plan, day, now=datetime(2026, 11, 21, 9, tzinfo=UTC), usable=lambda _: True)


class TestChooseSnapshot:
    def test_the_newest_available_snapshot_of_the_utc_date_is_the_dates(self) -> None:
        rds = FakeRds(
            snapshots=[snapshot(20, hour=3), snapshot(20, hour=23), snapshot(21), snapshot(20, status="creating")]
        )
        assert choose(rds) == snapshot(20, hour=23)
        assert choose(rds, replace(PLAN, which="first")) == snapshot(20, hour=3)

    @pytest.mark.parametrize("status", [ExportStatus.IN_PROGRESS, ExportStatus.COMPLETE])
    def test_a_date_exported_already_keeps_its_snapshot_unless_the_source_replaces(self, status: ExportStatus) -> None:
        """A second export of the date costs as much as the first."""
        early = snapshot(20, hour=3)
        rds = FakeRds(snapshots=[early, snapshot(20, hour=23)], tasks=[task(1, status, of=early)])
        assert choose(rds) == early
        assert choose(rds, replace(PLAN, replace=True)) == snapshot(20, hour=23)

    def test_a_snapshot_whose_export_failed_does_not_keep_the_date(self) -> None:
        early = snapshot(20, hour=3)
        rds = FakeRds(snapshots=[early, snapshot(20, hour=23)], tasks=[task(1, ExportStatus.FAILED, of=early)])
        assert choose(rds) == snapshot(20, hour=23)

    def test_a_missing_date_says_which_dates_there_are(self) -> None:
        rds = FakeRds(snapshots=[snapshot(17), snapshot(19)])
        with pytest.raises(SnapshotNotFoundError) as caught:
            choose(rds)
        assert str(caught.value).startswith("shop-prod has no automated snapshot for 2026-11-20: ")
        assert "from 2026-11-17 to 2026-11-19" in str(caught.value)
        assert "can no longer be exported" in str(caught.value)

    def test_no_snapshot_at_all_points_at_the_configuration(self) -> None:
        with pytest.raises(SnapshotNotFoundError, match=r"check `identifier` and `snapshots` in lake\.yaml"):
            choose(FakeRds(snapshots=[snapshot(kind="manual")]))

    def test_a_snapshot_being_made_says_to_wait(self) -> None:
        with pytest.raises(SnapshotNotFoundError, match=r"\(creating\) is not available; wait"):
            choose(FakeRds(snapshots=[snapshot(status="creating"), snapshot(19)]))

    def test_a_snapshot_without_a_time_yet_is_no_snapshot_of_1970(self) -> None:
        new = replace(snapshot(status="creating"), created_at=datetime.fromtimestamp(0, UTC))
        with pytest.raises(SnapshotNotFoundError) as caught:
            choose(FakeRds(snapshots=[new, snapshot(19)]))
        assert "1970" not in str(caught.value)


class TestBegin:
    def test_three_starts_pay_for_one_export(self) -> None:
        """The same event three times costs one export."""
        rds = FakeRds()
        identifiers = {begin_export(rds, PLAN, snapshot()).identifier for _ in range(3)}
        assert rds.started == list(identifiers)

    @pytest.mark.parametrize("status", [ExportStatus.STARTING, ExportStatus.IN_PROGRESS, ExportStatus.COMPLETE])
    def test_a_running_task_is_adopted_and_a_complete_one_reused(self, status: ExportStatus) -> None:
        rds = FakeRds(tasks=[task(1, status)])
        assert begin_export(rds, PLAN, snapshot()) == task(1, status)
        assert rds.started == []

    @pytest.mark.parametrize("status", [ExportStatus.FAILED, ExportStatus.CANCELED])
    def test_a_failed_task_gets_the_next_attempt(self, status: ExportStatus) -> None:
        rds = FakeRds(tasks=[task(2, status), task(1, status)])
        assert attempt_of(begin_export(rds, PLAN, snapshot())) == 3

    def test_the_tenth_attempt_is_newer_than_the_ninth(self) -> None:
        rds = FakeRds(tasks=[task(number, ExportStatus.FAILED) for number in (9, 10, 1)])
        assert [number for number, _ in find_attempts(rds, PLAN, snapshot())] == [1, 9, 10]
        assert attempt_of(begin_export(rds, PLAN, snapshot())) == 11

    def test_an_event_that_comes_again_pays_no_second_attempt(self) -> None:
        """Whether to pay for another one is a person's decision."""
        rds = FakeRds(tasks=[task(1, ExportStatus.FAILED)])
        assert begin_export(rds, PLAN, snapshot(), repeat_ended=False) == task(1, ExportStatus.FAILED)
        assert rds.started == []

    @pytest.mark.parametrize("status", [ExportStatus.STARTING, ExportStatus.IN_PROGRESS, ExportStatus.COMPLETE])
    def test_an_export_started_by_hand_to_the_same_place_is_adopted(self, status: ExportStatus) -> None:
        by_hand = replace(task(1, status), identifier="console-1")
        rds = FakeRds(tasks=[by_hand])
        assert begin_export(rds, PLAN, snapshot()) == by_hand
        assert rds.started == []

    @pytest.mark.parametrize(
        "changes",
        [{"bucket": "other"}, {"prefix": "other"}, {"include": ("shop",)}, {"status": ExportStatus.FAILED}],
    )
    def test_an_export_started_by_hand_for_something_else_is_not(self, changes: dict[str, Any]) -> None:
        by_hand = replace(task(1, ExportStatus.COMPLETE), identifier="console-1", **changes)
        rds = FakeRds(tasks=[by_hand])
        assert attempt_of(begin_export(rds, PLAN, snapshot())) == 1
        assert len(rds.started) == 1

    def test_a_foreign_export_of_the_same_snapshot_is_not_adopted(self) -> None:
        foreign = ExportTask(
            identifier="console-export-1",
            source_arn=snapshot().arn,
            status=ExportStatus.COMPLETE,
            bucket="other",
            prefix="",
            snapshot_time=None,
        )
        rds = FakeRds(tasks=[foreign])
        assert attempt_at(PLAN, foreign, snapshot()) is None
        assert attempt_of(begin_export(rds, PLAN, snapshot())) == 1

    def test_a_race_lost_to_ourselves_adopts_the_winner(self) -> None:
        """Both looked before either started; AWS says ExportTaskAlreadyExists to the second."""
        rds = FakeRds(tasks=[task(1, ExportStatus.STARTING)])
        blind = BlindRds(rds)
        assert begin_export(blind, PLAN, snapshot()) == task(1, ExportStatus.STARTING)

    def test_a_taken_id_that_aws_does_not_know_stays_a_conflict(self) -> None:
        class Contradicting(BlindRds):
            def find_export_task(self, identifier: str) -> ExportTask | None:
                return None

        with pytest.raises(ConflictError):
            begin_export(Contradicting(FakeRds(tasks=[task(1, ExportStatus.COMPLETE)])), PLAN, snapshot())

    def test_a_full_quota_is_reported_and_nothing_is_started(self) -> None:
        others = [task(1, ExportStatus.STARTING, of=snapshot(day)) for day in range(10, 15)]
        with pytest.raises(ExportQuotaError):
            begin_export(FakeRds(tasks=others), PLAN, snapshot())


class BlindRds(FakeRds):
    """Does not list the tasks it has: DescribeExportTasks was answered before another run's start."""

    def __init__(self, other: FakeRds) -> None:
        super().__init__(tasks=list(other.tasks.values()))

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        return []


class TestRun:
    def test_it_waits_for_the_end_and_logs_progress_without_repeating_itself(self) -> None:
        rds, name = FakeRds(), task(1, ExportStatus.STARTING).identifier
        time = Time(
            [
                lambda: None,
                lambda: rds.change(name, status=ExportStatus.IN_PROGRESS, progress=40, extracted_gb=3),
                lambda: None,
                lambda: rds.change(name, status=ExportStatus.COMPLETE, progress=100),
            ]
        )
        assert run_export(rds, PLAN, snapshot(), waiting=time.waiting()).status is ExportStatus.COMPLETE
        assert time.lines == [f"export {name}: STARTING 0%, 0 GB", f"export {name}: IN_PROGRESS 40%, 3 GB"]

    def test_a_complete_export_is_not_waited_for(self) -> None:
        time = Time()
        rds = FakeRds(tasks=[task(1, ExportStatus.COMPLETE)])
        assert run_export(rds, PLAN, snapshot(), waiting=time.waiting()) == task(1, ExportStatus.COMPLETE)
        assert time.now == 0

    def test_a_failure_carries_awss_cause_and_the_next_step(self) -> None:
        rds, name = FakeRds(), task(1, ExportStatus.STARTING).identifier
        time = Time([lambda: rds.change(name, status=ExportStatus.FAILED, failure_cause="KMS key check failed")])
        with pytest.raises(ExportFailedError, match=r"ended FAILED: KMS key check failed.*next attempt"):
            run_export(rds, PLAN, snapshot(), waiting=time.waiting())

    def test_a_cancellation_is_reported_as_one(self) -> None:
        rds, name = FakeRds(), task(1, ExportStatus.STARTING).identifier
        time = Time(
            [
                lambda: rds.change(name, status=ExportStatus.CANCELING),
                lambda: rds.change(name, status=ExportStatus.CANCELED),
            ]
        )
        with pytest.raises(ExportFailedError, match="CANCELED: it was canceled, AWS does not say by whom"):
            run_export(rds, PLAN, snapshot(), waiting=time.waiting())

    def test_an_export_that_takes_too_long_goes_on_in_aws_and_is_adopted_later(self) -> None:
        rds, time = FakeRds(), Time()
        with pytest.raises(ExportTimeoutError, match=r"still STARTING after 1\.0 h.*adopt it"):
            run_export(rds, PLAN, snapshot(), waiting=time.waiting())
        rds.change(rds.started[0], status=ExportStatus.COMPLETE)
        run_export(rds, PLAN, snapshot(), waiting=time.waiting())
        assert len(rds.started) == 1

    def test_a_full_quota_is_waited_for(self) -> None:
        others = [task(1, ExportStatus.STARTING, of=snapshot(day)) for day in range(10, 15)]
        rds, name = FakeRds(tasks=others), task(1, ExportStatus.STARTING).identifier
        time = Time(
            [
                lambda: None,
                lambda: rds.change(others[0].identifier, status=ExportStatus.COMPLETE),
                lambda: rds.change(name, status=ExportStatus.COMPLETE),
            ]
        )
        assert run_export(rds, PLAN, snapshot(), waiting=time.waiting()).identifier == name
        assert sum("waiting, as AWS allows no more exports at once" in line for line in time.lines) == 2

    def test_a_quota_that_stays_full_ends_as_a_quota_error(self) -> None:
        others = [task(1, ExportStatus.STARTING, of=snapshot(day)) for day in range(10, 15)]
        with pytest.raises(ExportQuotaError):
            run_export(FakeRds(tasks=others), PLAN, snapshot(), waiting=Time().waiting(timeout_seconds=120))

    def test_hours_of_waiting_are_not_given_up_for_a_throttled_look(self) -> None:
        class Throttled(FakeRds):
            looks = 0

            def find_export_task(self, identifier: str) -> ExportTask | None:
                self.looks += 1
                if self.looks < 3:
                    raise ThrottledError("slow down")
                self.change(identifier, status=ExportStatus.COMPLETE)
                return super().find_export_task(identifier)

        time = Time()
        assert run_export(Throttled(), PLAN, snapshot(), waiting=time.waiting()).status is ExportStatus.COMPLETE
        assert sum("asking again" in line for line in time.lines) == 2


class TestSettle:
    def test_a_complete_task_is_returned_without_waiting(self) -> None:
        complete = task(1, ExportStatus.COMPLETE)
        assert settle_export(FakeRds(tasks=[complete]), complete.identifier) == complete

    def test_an_unknown_task_is_said_to_be_unknown(self) -> None:
        with pytest.raises(ExportFailedError, match="AWS has no export task t-1"):
            settle_export(FakeRds(), "t-1")

    def test_a_running_task_has_its_event_still_to_come(self) -> None:
        running = task(1, ExportStatus.IN_PROGRESS)
        with pytest.raises(ExportTimeoutError, match="still IN_PROGRESS"):
            settle_export(FakeRds(tasks=[running]), running.identifier)

    def test_a_failed_task_fails(self) -> None:
        failed = task(1, ExportStatus.FAILED)
        with pytest.raises(ExportFailedError, match="no cause given"):
            settle_export(FakeRds(tasks=[failed]), failed.identifier)


def test_the_record_names_what_the_next_stage_reads() -> None:
    record = record_of(task(1, ExportStatus.COMPLETE), source="shop", day=DAY)
    assert record.folder == f"exports/{record.export_task}/"
    assert (record.bucket, record.snapshot_time) == ("acme-exports", snapshot().created_at)


def test_a_task_without_a_snapshot_time_has_no_date() -> None:
    import dataclasses

    timeless = dataclasses.replace(task(1, ExportStatus.COMPLETE), snapshot_time=None)
    with pytest.raises(ExportFailedError, match="SnapshotTime"):
        record_of(timeless, source="shop", day=DAY)
