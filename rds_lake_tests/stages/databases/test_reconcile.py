"""Reconciliation: what no event reported is found, started in turn, settled once, and mailed once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import AwsError, ManifestError, ThrottledError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import LIVE, Snapshot, live_subject
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.exports.task_id import export_task_id
from rds_lake.stages.databases.freshness import Watched
from rds_lake.stages.databases.plan import ExportPlan
from rds_lake.stages.databases.reconcile import Reconciler
from rds_lake.stages.runs.examined import Candidate, Examined, start_next
from rds_lake.stages.runs.run_log import Begun, Progress
from rds_lake_tests.fakes.rds import PLAN, FakeRds

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RDS = "arn:aws:rds:us-east-1:111122223333"
WATCHED = Watched(plan=PLAN, first_date=date(2026, 11, 1), freshness=timedelta(hours=36))
LIVE_PLAN = replace(
    PLAN, source="aurora", snapshot_about=Exportable.CLUSTER_SNAPSHOT, identifier="shop-aurora", kinds=(LIVE,)
)


def snapshot(day: int = 21, *, hour: int = 3, **changes: Any) -> Snapshot:
    name = f"rds:shop-prod-2026-11-{day:02}-{hour:02}-06"
    whole = Snapshot(
        arn=f"{RDS}:snapshot:{name}",
        identifier=name,
        source_identifier="shop-prod",
        kind="automated",
        engine="postgres",
        created_at=datetime(2026, 11, day, hour, 6, tzinfo=UTC),
        status="available",
    )
    return replace(whole, **changes)


def task(
    of: Snapshot, status: ExportStatus, *, attempt: int = 1, plan: ExportPlan = PLAN, **changes: Any
) -> ExportTask:
    whole = ExportTask(
        identifier=export_task_id(subject=of.subject, include=plan.include, salt=plan.salt, attempt=attempt),
        source_arn=of.arn,
        status=status,
        bucket=plan.bucket,
        prefix=plan.prefix,
        snapshot_time=of.created_at,
        started_at=of.created_at,
        ended_at=None if status.running else of.created_at + timedelta(hours=1),
    )
    return replace(whole, **changes)


@dataclass
class Log:
    """What Dagster knows, as a test says it."""

    known: Mapping[date, Progress] = field(default_factory=dict)
    begins: Mapping[str, bool] = field(default_factory=dict)
    begun_at: datetime = NOW
    settled: Sequence[str] = ()
    failed: bool = False
    timed_out: bool = False
    launched: Sequence[date] = ()
    published: str | None = None

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        return {day: self.known.get(day, Progress.OPEN) for day in days}

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        return {subject: Begun(blocking=blocking, at=self.begun_at) for subject, blocking in self.begins.items()}

    def was_settled(self, export_task: str) -> bool:
        return export_task in self.settled

    def has_failed(self, source: str, day: date) -> bool:
        return self.failed

    def by_hand(self, source: str, day: date, *, since: datetime | None) -> bool:
        return day in self.launched

    def has_timed_out(self, source: str, day: date, *, since: datetime) -> bool:
        return self.timed_out

    def published_arn(self, source: str, day: date) -> str | None:
        return self.published


def examine(
    rds: FakeRds, log: Log | None = None, *, watched: Watched = WATCHED, now: datetime = NOW, days: int = 3
) -> Examined:
    reconciler = Reconciler(rds=rds, log=log or Log(), now=now, days=days, grace=timedelta(minutes=10))
    return reconciler.examine(watched)


def dates(examined: Examined) -> list[int]:
    return sorted(candidate.snapshot_date.day for candidate in examined.candidates)


class TestStart:
    def test_a_snapshot_that_no_event_reported_is_to_be_exported(self) -> None:
        """Copied snapshots raise no event, and events of hours without a daemon may be lost."""
        found = examine(FakeRds(snapshots=[snapshot(20), snapshot(21)]))
        assert dates(found) == [20, 21]
        assert (found.settling, found.incidents) == ((), ())

    @pytest.mark.parametrize("progress", [Progress.DONE, Progress.BUSY])
    def test_a_date_that_is_done_or_being_done_is_left_alone(self, progress: Progress) -> None:
        assert not examine(FakeRds(snapshots=[snapshot()]), Log(known={date(2026, 11, 21): progress})).candidates

    def test_dates_before_the_first_one_and_before_the_days_looked_at_are_never_paid_for(self) -> None:
        rds = FakeRds(snapshots=[snapshot(day) for day in range(10, 22)])
        assert dates(examine(rds)) == [19, 20, 21]
        assert dates(examine(rds, watched=replace(WATCHED, first_date=date(2026, 11, 21)))) == [21]
        assert dates(examine(rds, days=0)) == []

    def test_events_are_given_time_to_arrive_first(self) -> None:
        young = snapshot(created_at=NOW - timedelta(minutes=9))
        assert not examine(FakeRds(snapshots=[young])).candidates
        assert examine(FakeRds(snapshots=[young]), now=NOW + timedelta(minutes=2)).candidates

    def test_a_snapshot_that_is_not_available_waits(self) -> None:
        assert not examine(FakeRds(snapshots=[snapshot(status="creating")])).candidates

    def test_a_start_that_failed_or_runs_is_not_repeated_and_a_refused_one_is(self) -> None:
        rds = FakeRds(snapshots=[snapshot()])
        assert not examine(rds, Log(begins={snapshot().arn: True})).candidates
        assert examine(rds, Log(begins={snapshot().arn: False})).candidates

    def test_a_later_snapshot_of_a_finished_date_is_exported_only_where_it_may_replace(self) -> None:
        early, late = snapshot(hour=3), snapshot(hour=8)
        rds = FakeRds(snapshots=[early, late], tasks=[task(early, ExportStatus.COMPLETE)])
        log = Log(known={date(2026, 11, 21): Progress.DONE}, published=early.arn)
        assert not examine(rds, log).candidates
        replacing = replace(WATCHED, plan=replace(PLAN, replace=True))
        (candidate,) = examine(rds, log, watched=replacing).candidates
        assert candidate.subject == late.arn
        assert not examine(rds, replace(log, published=late.arn), watched=replacing).candidates

    def test_a_live_export_that_was_refused_a_place_is_started_and_one_not_due_is_not(self) -> None:
        rds, watched = FakeRds(snapshots=[cluster()]), replace(WATCHED, plan=LIVE_PLAN)
        assert not examine(rds, watched=watched).candidates
        label = LIVE_PLAN.live_label(NOW.date())
        (candidate,) = examine(rds, Log(begins={label: False}), watched=watched).candidates
        assert (candidate.subject, candidate.snapshot_date) == (label, NOW.date())


def cluster() -> Snapshot:
    return Snapshot(
        arn=f"{RDS}:cluster:shop-aurora",
        identifier="shop-aurora-live",
        source_identifier="shop-aurora",
        kind=LIVE,
        engine="aurora-postgresql",
        created_at=NOW,
        status="available",
    )


class TestSettle:
    @pytest.mark.parametrize("status", [ExportStatus.COMPLETE, ExportStatus.FAILED, ExportStatus.CANCELED])
    def test_an_ended_export_whose_event_was_lost_is_settled(self, status: ExportStatus) -> None:
        found = examine(FakeRds(snapshots=[snapshot()], tasks=[task(snapshot(), status)]))
        (run,) = found.settling
        assert (run.trigger, run.whole_source) == ("settle", status is ExportStatus.COMPLETE)
        assert found.candidates == (), "and no second export is paid"

    def test_what_a_run_was_asked_to_settle_is_not_settled_again(self) -> None:
        ended = task(snapshot(), ExportStatus.FAILED)
        assert not examine(FakeRds(snapshots=[snapshot()], tasks=[ended]), Log(settled=[ended.identifier])).settling

    def test_the_event_of_its_end_is_given_time_first(self) -> None:
        ended = task(snapshot(), ExportStatus.COMPLETE, ended_at=NOW - timedelta(minutes=9))
        found = examine(FakeRds(snapshots=[snapshot()], tasks=[ended]))
        assert (found.settling, found.candidates) == ((), ())

    def test_a_complete_attempt_counts_more_than_a_later_failed_one(self) -> None:
        good = task(snapshot(), ExportStatus.COMPLETE)
        bad = task(snapshot(), ExportStatus.FAILED, attempt=2, ended_at=NOW - timedelta(hours=1))
        (run,) = examine(FakeRds(snapshots=[snapshot()], tasks=[good, bad])).settling
        assert run.export_task == good.identifier

    def test_an_export_whose_snapshot_was_deleted_meanwhile_is_settled(self) -> None:
        gone = snapshot()
        rds = FakeRds(tasks=[task(gone, ExportStatus.COMPLETE)])
        (run,) = examine(rds, Log(begins={gone.arn: False})).settling
        assert run.snapshot_date == date(2026, 11, 21)

    def test_an_export_started_by_hand_to_our_place_is_taken_over(self) -> None:
        by_hand = task(snapshot(), ExportStatus.COMPLETE, identifier="console-1")
        found = examine(FakeRds(snapshots=[snapshot()], tasks=[by_hand]))
        assert [run.export_task for run in found.settling] == ["console-1"]
        assert found.candidates == ()

    def test_a_live_export_belongs_to_the_day_it_was_begun_for(self) -> None:
        """Begun before midnight, its data may be of after midnight."""
        yesterday = replace(cluster(), created_at=NOW - timedelta(days=1))
        assert yesterday.subject == live_subject(yesterday.arn, date(2026, 11, 20))
        ended = task(
            yesterday, ExportStatus.COMPLETE, plan=LIVE_PLAN, snapshot_time=datetime(2026, 11, 21, 0, 1, tzinfo=UTC)
        )
        (run,) = examine(
            FakeRds(snapshots=[cluster()], tasks=[ended]), watched=replace(WATCHED, plan=LIVE_PLAN)
        ).settling
        assert run.snapshot_date == date(2026, 11, 20)

    def test_a_date_that_a_person_launched_is_not_run_a_second_time(self) -> None:
        rds = FakeRds(snapshots=[snapshot()], tasks=[task(snapshot(), ExportStatus.COMPLETE)])
        assert not examine(rds, Log(launched=[date(2026, 11, 21)])).settling


class HalfBlindRds(FakeRds):
    """Answers for some snapshots only."""

    def __init__(self, *, error: Exception, days: Collection[int], **known: Any) -> None:
        super().__init__(**known)
        self.error, self.blind = error, [snapshot(day).arn for day in days]

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        if source_arn in self.blind:
            raise self.error
        return super().list_export_tasks(source_arn=source_arn)


class TestApart:
    """One date that cannot be looked at keeps no other date waiting."""

    @given(
        days=st.sets(st.integers(17, 21)),
        error=st.sampled_from(
            [
                AwsError(service="rds", operation="DescribeExportTasks", code="AccessDenied", message="no"),
                KeyError("Status"),
                ManifestError("damaged"),
                RecursionError("deep"),
            ]
        ),
    )
    def test_whatever_is_wrong_with_some_dates_the_others_are_begun_and_each_is_named(
        self, days: set[int], error: Exception
    ) -> None:
        whole = [17, 18, 19, 20, 21]
        rds = HalfBlindRds(error=error, days=days, snapshots=[snapshot(day) for day in whole])
        found = examine(rds, days=5)
        assert dates(found) == [day for day in whole if day not in days]
        assert sorted(problem[:10] for problem in found.problems) == [f"2026-11-{day}" for day in sorted(days)]

    def test_where_aws_throttles_the_source_is_left_for_the_next_tick(self) -> None:
        """Each further call would be waited for as well, and a tick has a minute."""
        rds = HalfBlindRds(
            error=ThrottledError("Rate exceeded"), days=[20], snapshots=[snapshot(day) for day in (19, 20, 21)]
        )
        found = examine(rds)
        assert (dates(found), len(found.problems)) == ([21], 1), "the newest date comes first"


class TestIncidents:
    def test_an_export_that_runs_longer_than_its_time_limit_is_stuck_once(self) -> None:
        running = task(snapshot(20), ExportStatus.IN_PROGRESS, progress=40)
        rds = FakeRds(snapshots=[snapshot(20), snapshot()], tasks=[running])
        (first,) = examine(rds).incidents
        (second,) = examine(rds, now=NOW + timedelta(hours=1)).incidents
        assert first.key == second.key, "the same incident keeps its key, so it is mailed once"
        assert running.identifier in first.cause
        assert "40%" in first.cause

    def test_a_stuck_export_whose_waiting_run_failed_was_reported_already(self) -> None:
        rds = FakeRds(snapshots=[snapshot(20), snapshot()], tasks=[task(snapshot(20), ExportStatus.STARTING)])
        assert not examine(rds, Log(timed_out=True)).incidents

    def test_a_failure_of_something_else_silences_no_stuck_export(self) -> None:
        """Weeks ago, or of the catalogue: that time-out did not report that this export hangs."""
        rds = FakeRds(snapshots=[snapshot(20), snapshot()], tasks=[task(snapshot(20), ExportStatus.STARTING)])
        assert len(examine(rds, Log(failed=True)).incidents) == 1

    def test_an_export_that_does_not_even_start_is_stuck_since_it_was_begun_and_not_since_its_snapshot(self) -> None:
        starting = task(snapshot(19), ExportStatus.STARTING, started_at=None)
        rds = FakeRds(snapshots=[snapshot(19), snapshot()], tasks=[starting])
        assert not examine(rds, Log(begins={snapshot(19).arn: False})).incidents
        long_ago = Log(begins={snapshot(19).arn: False}, begun_at=NOW - timedelta(hours=25))
        assert len(examine(rds, long_ago).incidents) == 1

    def test_an_export_within_its_time_is_no_incident(self) -> None:
        assert not examine(
            FakeRds(snapshots=[snapshot()], tasks=[task(snapshot(), ExportStatus.IN_PROGRESS)])
        ).incidents

    def test_a_source_without_a_new_snapshot_is_stale_once_per_newest_snapshot(self) -> None:
        rds = FakeRds(snapshots=[snapshot(19)])
        (first,) = examine(rds).incidents
        (later,) = examine(rds, now=NOW + timedelta(days=1)).incidents
        assert first.key == later.key
        assert "no automated snapshot in the last 36 h: the newest is from 2026-11-19 03:06 UTC" in first.cause
        assert "backup" in first.next_step

    def test_a_source_that_never_had_a_snapshot_is_stale_and_one_that_just_began_is_not(self) -> None:
        assert "none at all" in examine(FakeRds()).incidents[0].cause
        assert not examine(FakeRds(), watched=replace(WATCHED, first_date=date(2026, 11, 21))).incidents

    def test_a_source_counts_from_when_its_database_was_made(self) -> None:
        rds = FakeRds()
        rds.created = NOW - timedelta(hours=30)
        assert not examine(rds).incidents, "no backup window has passed yet: a new lake's first act is no alarm"
        assert "none at all" in examine(rds, now=NOW + timedelta(hours=7)).incidents[0].cause

    def test_a_role_that_may_not_see_when_its_database_was_made_is_reported_in_the_alarm_it_may_cause(self) -> None:
        class Closed(FakeRds):
            def find_created(self, about: Exportable, identifier: str) -> datetime | None:
                words = 'no right; add {"Effect": "Allow"} to the policy'
                raise AwsError(service="rds", operation="DescribeDBInstances", code="AccessDenied", message=words)

        cause = examine(Closed()).incidents[0].cause
        assert (
            "none at all; if the database was created after that, this is a false alarm (its creation time could not be read: "
            in cause
        )
        assert 'add {"Effect": "Allow"} to the policy' in cause

    def test_a_copy_is_neither_fresh_nor_a_replacement_of_what_it_was_copied_from(self) -> None:
        old = snapshot(19)
        copy = replace(snapshot(19, hour=4), created_at=old.created_at, copied_at=NOW - timedelta(hours=1))
        (incident,) = examine(FakeRds(snapshots=[copy])).incidents
        assert "the newest is from 2026-11-19" in incident.cause
        unknown = replace(copy, created_at=NOW, unknown_origin=True)
        assert examine(FakeRds(snapshots=[unknown])).incidents
        assert not examine(FakeRds(snapshots=[unknown])).candidates
        log = Log(known={date(2026, 11, 19): Progress.DONE}, published=old.arn)
        replacing = replace(WATCHED, plan=replace(PLAN, replace=True))
        assert not examine(FakeRds(snapshots=[copy]), log, watched=replacing).candidates

    def test_a_source_without_freshness_is_never_stale(self) -> None:
        assert not examine(FakeRds(), watched=replace(WATCHED, freshness=None)).incidents

    def test_a_live_source_is_as_fresh_as_its_last_export(self) -> None:
        watched = replace(WATCHED, plan=LIVE_PLAN)
        old = replace(cluster(), created_at=NOW - timedelta(days=3))
        rds = FakeRds(snapshots=[cluster()], tasks=[task(old, ExportStatus.COMPLETE, plan=LIVE_PLAN)])
        assert len(examine(rds, watched=watched).incidents) == 1
        new = task(replace(cluster(), created_at=NOW - timedelta(hours=3)), ExportStatus.COMPLETE, plan=LIVE_PLAN)
        rds = FakeRds(snapshots=[cluster()], tasks=[new])
        assert not examine(rds, watched=watched).incidents


def candidate(source: str, day: int, priority: int = 0) -> Candidate:
    return Candidate(rank=-priority, snapshot_date=date(2026, 11, day), source=source, subject=f"{source}-{day}")


def running(number: int) -> list[ExportTask]:
    return [task(snapshot(), ExportStatus.IN_PROGRESS, identifier=f"other-{n}") for n in range(number)]


def test_the_highest_priority_goes_first_and_then_the_oldest_date() -> None:
    waiting = [candidate("a", 21), candidate("b", 19), candidate("c", 20, priority=5), candidate("d", 18)]
    runs = start_next(waiting, [], quota=3, beginning=0, turn=7)
    assert [run.source for run in runs] == ["c", "d", "b"]
    again = start_next(waiting, [], quota=3, beginning=0, turn=8)
    assert {run.key for run in runs}.isdisjoint(run.key for run in again), "a refused start can be asked for again"


@given(
    waiting=st.lists(st.builds(candidate, st.text(min_size=1, max_size=3), st.integers(1, 28), st.integers(-2, 2))),
    others=st.integers(0, 8),
    beginning=st.integers(0, 8),
)
def test_never_more_are_started_than_aws_has_places_beside_foreign_exports(
    waiting: list[Candidate], others: int, beginning: int
) -> None:
    runs = start_next(waiting, running(others), quota=5, beginning=beginning, turn=1)
    assert len(runs) + others + beginning <= max(5, others + beginning)
    assert len(runs) == min(len(waiting), max(0, 5 - others - beginning)), "and no place is left free"
