"""A death before every write of a DynamoDB source's run, exported and scanned, then a repetition: same end, paid once."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from rds_lake.stages.lake.handover import get_manifest
from rds_lake_tests.stages.crashes.mortal import deaths
from rds_lake_tests.stages.morning import what_readers_see
from rds_lake_tests.support.world import DynamoWorld, World

pytestmark = pytest.mark.exhaustive

TODAY = datetime.now(UTC).date()
NEW, OLD = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
MOMENT = datetime(NEW.year, NEW.month, NEW.day, tzinfo=UTC)
# What the tables hold as of each date: reviews, users.
ROWS = {str(OLD): ("2", "1"), str(NEW): ("3", "1"), str(TODAY): ("3", "1")}
MOST_WRITES = 60


@pytest.fixture
def exported(world: World) -> DynamoWorld:
    """Two tables, published as of the old date; an item and an attribute more as of the new one."""
    dynamo = world.of_dynamodb()
    dynamo.clock(MOMENT - timedelta(days=3))
    dynamo.create("Reviews", *({"id": {"S": str(number)}, "stars": {"N": "5"}} for number in range(2)))
    dynamo.create("Users", {"id": {"S": "u1"}, "Name": {"S": "Ada"}})
    dynamo.clock(MOMENT - timedelta(hours=1))
    dynamo.put("Reviews", {"id": {"S": "late"}, "stars": {"N": "1.5"}, "tags": {"L": [{"S": "new"}]}})
    dynamo.clock(None)
    world.publish(str(OLD))
    return dynamo


@pytest.fixture
def scanned(world: World) -> DynamoWorld:
    """A table without recovery: nothing is published yet."""
    dynamo = world.of_dynamodb("Reviews", method="scan", on_demand_rcu=1000)
    dynamo.create("Reviews", *({"id": {"S": str(number)}} for number in range(3)), recovery=False)
    world.clients.client("glue").create_database(DatabaseInput={"Name": "reviews"})  # there is a catalogue to look at
    return dynamo


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def end_of(world: World, day: date) -> str:
    """What readers and later stages find, but for the names that DynamoDB, a scan and each attempt choose anew each time.

    What a killed attempt left is removed by upkeep only, so that only keys of files that count are compared.
    """
    manifest = get_manifest(world.gateways.s3, world.gateways.layout, "reviews", day)
    counted = {file.key for table in manifest.tables for file in table.files}
    seen = what_readers_see(world)
    keys = [place for place in cast(list[str], seen["keys"]) if not _is_left(place.partition("/")[2], day, counted)]
    text = repr(seen | {"keys": keys}).replace(manifest.export.export_task, "task")
    return re.sub(r"attempt-[0-9a-f]+", "attempt", text)


def _is_left(key: str, day: date, counted: set[str]) -> bool:
    return f"/snapshot_date={day}/" in key and "/attempt-" in key and key not in counted


def exports_of(dynamo: DynamoWorld) -> tuple[set[str], set[str]]:
    """The exports of the reviews, and of the users."""
    reviews, users = ({one["ExportArn"] for one in dynamo.exports(name)} for name in ("Reviews", "Users"))
    return reviews, users


def require_whole(world: World, when: str, *, anything: bool) -> None:
    """Each view shows one of the dates, all of it; or there is none yet."""
    views = world.gateways.glue.list_tables("reviews")
    for number, view in enumerate(("reviews", "users")):
        assert anything or view in views, f"{when}, {view} is gone"
        if view in views:
            ((day, count),) = world.query(f"SELECT min(snapshot_date), count(*) FROM {view}")
            assert count == ROWS[str(day)][number], f"{when}, {view} shows {count} rows of {day}"


def test_an_exported_date_killed_before_any_of_its_writes_ends_the_same_and_is_paid_once(
    exported: DynamoWorld,
) -> None:
    world = exported.world
    expected, number = None, 0
    before = exports_of(exported)
    for number, killed in deaths(world, "whole", str(NEW), most=MOST_WRITES):
        require_whole(world, f"killed before write {number}", anything=False)
        if killed:
            world.publish(str(NEW))
        found = end_of(world, NEW)
        expected = expected or found
        assert found == expected, f"a crash before write {number} changed the end"
        assert world.query("SELECT count(*), sum(stars), max(tags[1]) FROM reviews") == [("3", "11.50", "new")]
        paid = [len(now - then) for now, then in zip(exports_of(exported), before, strict=True)]
        assert paid == [1, 1], f"write {number} was paid for"
    assert number > 15, "the run makes fewer writes than it has stages"


def test_a_scan_killed_before_any_of_its_writes_ends_with_every_item_once(scanned: DynamoWorld) -> None:
    world = scanned.world
    expected, number = None, 0
    for number, killed in deaths(world, "whole", str(TODAY), most=MOST_WRITES):
        require_whole(world, f"killed before write {number}", anything=True)
        if killed:
            # The lease of a killed run ends after seconds, which pass by being slept.
            passed = Hours()
            world.publish(str(TODAY), clock=passed, sleep=passed.sleep)
        found = end_of(world, TODAY)
        expected = expected or found
        assert found == expected, f"a crash before write {number} changed the end"
        assert world.query("SELECT count(*), count(DISTINCT id) FROM reviews") == [("3", "3")]
    assert number > 10, "the run makes fewer writes than it has stages"
