"""A new DynamoDB source is no incident while its first date is on its way, and is one once that has failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from rds_lake.stages.dynamodb.reconcile import DynamoReconciler, watch_set
from rds_lake.stages.runs.run_log import Begun, Progress
from rds_lake_tests.support.world import DynamoWorld, World, until

NOW = datetime.now(UTC)
DAY = (NOW - timedelta(days=1)).date()


@dataclass
class Log:
    """Dagster's run log with given answers: runs that were to begin a date, dates at work, exports taken over, failures."""

    begins: dict[date, Begun] = field(default_factory=dict)
    busy: set[date] = field(default_factory=set)
    settled: bool = False
    failed: set[date] = field(default_factory=set)

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        return {day: Progress.BUSY if day in self.busy else Progress.OPEN for day in days}

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        return {f"dynamodb:{source}@{day}": self.begins[day]} if day in self.begins else {}

    def was_settled(self, export_task: str) -> bool:
        return self.settled

    def has_failed(self, source: str, day: date) -> bool:
        return day in self.failed

    def has_timed_out(self, source: str, day: date, *, since: datetime) -> bool:
        return day in self.failed

    def by_hand(self, source: str, day: date, *, since: datetime | None) -> bool:
        return False

    def published_arn(self, source: str, day: date) -> str | None:
        return None


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """A source whose first possible date is months ago, and whose newest instant was an hour ago."""
    at = f"{NOW - timedelta(hours=1):%H:%M}"
    dynamo = world.of_dynamodb("Reviews", start_date="2026-01-01", freshness_hours=2, export_at=at)
    dynamo.clock(NOW - timedelta(days=9))
    dynamo.create("Reviews", {"id": {"S": "1"}})
    dynamo.clock(None)
    return dynamo


def newest(world: World) -> date:
    """The newest date whose instant has passed."""
    at = datetime.combine(NOW.date(), world.config.dynamodb[0].export_at, UTC)
    return NOW.date() if at <= NOW else DAY


def alarms(world: World, log: Log, *, grace: timedelta = timedelta(minutes=10)) -> list[str]:
    """The incidents of a tick of reconciliation."""
    run = world.run()
    watched = watch_set(world.config, world.config.dynamodb[0], run.exports)  # pyright: ignore[reportAttributeAccessIssue]
    reconciler = DynamoReconciler(log=log, now=datetime.now(UTC), days=3, grace=grace, turn=1)
    return [incident.what for incident in reconciler.examine(watched).incidents]


def test_not_while_the_run_that_begins_it_waits_in_the_queue(dynamo: DynamoWorld) -> None:
    day = newest(dynamo.world)
    log = Log(begins={day: Begun(blocking=True, at=datetime.now(UTC))})
    assert alarms(dynamo.world, log) == []


@pytest.mark.exhaustive
def test_not_right_after_a_start_that_was_refused(dynamo: DynamoWorld) -> None:
    day = newest(dynamo.world)
    assert alarms(dynamo.world, Log(begins={day: Begun(blocking=False, at=datetime.now(UTC))})) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("settled", [False, True])
def test_not_in_the_minute_after_its_export_ended_nor_while_a_run_takes_it_over(
    dynamo: DynamoWorld, *, settled: bool
) -> None:
    dynamo.world.run().begin(newest(dynamo.world))
    until(lambda: dynamo.exports("Reviews")[0]["ExportStatus"] == "COMPLETED")
    assert alarms(dynamo.world, Log(settled=settled)) == []


@pytest.mark.exhaustive
def test_not_while_its_last_stages_run(dynamo: DynamoWorld) -> None:
    assert alarms(dynamo.world, Log(busy={newest(dynamo.world)})) == []


def test_once_it_has_failed(dynamo: DynamoWorld) -> None:
    day = newest(dynamo.world)
    begun = {day: Begun(blocking=True, at=datetime.now(UTC))}
    assert alarms(dynamo.world, Log(begins=begun, failed={day})) == ["no new snapshot"]


@pytest.mark.exhaustive
def test_a_source_that_had_a_date_is_reported_whatever_is_under_way(dynamo: DynamoWorld) -> None:
    world = dynamo.world
    world.publish(str(NOW.date() - timedelta(days=4)))
    begun = {newest(world): Begun(blocking=True, at=datetime.now(UTC))}
    assert alarms(world, Log(begins=begun)) == ["no new snapshot"]
