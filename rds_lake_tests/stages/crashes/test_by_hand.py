"""A death before every write of `rds-lake publish` and `rds-lake rollback`, then the same command once more."""

from datetime import date

import pytest

from rds_lake.errors import PublishError
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake_tests.stages.crashes.mortal import deaths
from rds_lake_tests.stages.crashes.stages import approve, roll_back
from rds_lake_tests.stages.morning import Morning, what_readers_see
from rds_lake_tests.support.world import World, execute

pytestmark = pytest.mark.exhaustive

FIRST, SECOND, THIRD = "2026-11-18", "2026-11-19", "2026-11-20"
# What each view may show, by date; None: that date does not have it.
ROWS = {"orders": {FIRST: "10", SECOND: "4", THIRD: "4"}, "flips": {FIRST: "1", SECOND: "1", THIRD: "2"}}
CHANGES = {
    FIRST: 'DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE; CREATE TABLE flips AS SELECT 1 AS v; '
    "CREATE TABLE gone AS SELECT 1 AS n",
    SECOND: "ALTER TABLE flips ALTER v TYPE text USING 'v' || v; DELETE FROM orders WHERE id > 4; DROP TABLE gone; "
    "CREATE TABLE brand_new (n integer)",
    THIRD: "INSERT INTO flips VALUES ('v2')",
}
MOST_WRITES = 40
STAGES = {"approve": approve, "roll_back": roll_back}


def arrive(world: World, *days: str) -> None:
    for day in days:
        execute(world.url, CHANGES[day])
        world.snapshot(day)
        world.publish(day)


def require_whole_views(world: World, when: str) -> None:
    """Every view shows one date, whole."""
    for view, rows in ROWS.items():
        ((day, count),) = world.query(f"SELECT min(snapshot_date), count(*) FROM {view}")
        assert day in rows, f"{when}, {view} shows {day}"
        assert count == rows[day], f"{when}, {view} shows {count} rows of {day}"


def published(world: World) -> date:
    pointer = find_pointer(world.gateways.s3, world.gateways.layout, "shop")
    assert pointer is not None
    return pointer.snapshot_date


def survives_every_death(world: World, stage: str, day: str) -> int:
    """Kill the command before each of its writes, and repeat it each time; how many it has."""
    command, when = STAGES[stage], date.fromisoformat(day)
    morning, started_at = Morning.of(world), published(world)
    command(world.run(), when)
    expected, number = what_readers_see(world), 0
    morning.restore(world)
    for number, killed in deaths(world, stage, day, most=MOST_WRITES):
        require_whole_views(world, f"killed before write {number}")
        if killed:
            assert published(world) in (started_at, when)
            command(world.run(), when)
        assert what_readers_see(world) == expected, f"a crash before write {number} changed the end"
        require_whole_views(world, f"repeated after write {number}")
    with pytest.raises(PublishError):
        roll_back(world.run(), when)
    return number - 1


def test_an_approval_killed_before_any_of_its_writes_is_finished_by_its_repetition(world: World) -> None:
    arrive(world, FIRST)
    world.with_source(publish="manual")
    arrive(world, SECOND, THIRD)
    assert published(world) == date.fromisoformat(FIRST)
    # Intent, views of three tables, one dropped, the row, the pointer, and AWS's copy removed.
    assert survives_every_death(world, "approve", THIRD) >= 8
    assert [key for key in world.keys("exports/") if THIRD in key] == []
    assert world.query("SELECT state FROM _snapshots ORDER BY snapshot_date") == [
        ("published",),
        ("held",),
        ("published",),
    ]


def test_a_rollback_killed_before_any_of_its_writes_is_finished_by_its_repetition(world: World) -> None:
    arrive(world, FIRST, SECOND, THIRD)
    # Intent, views of three tables, one dropped, three rows, the pointer.
    assert survives_every_death(world, "roll_back", FIRST) >= 9
    for day in (SECOND, THIRD):
        world.publish(day)
    assert published(world) == date.fromisoformat(FIRST), "no run undoes what a person finished"
