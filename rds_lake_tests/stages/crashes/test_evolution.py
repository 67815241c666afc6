"""A death before every write of catalogue and publish of a date that changes everything, and before every one of pruning."""

from datetime import date

import pytest

from rds_lake.config.shared import Retention
from rds_lake_tests.stages.crashes.mortal import deaths
from rds_lake_tests.stages.crashes.stages import prune, publish
from rds_lake_tests.stages.morning import Morning, catalogued, what_readers_see
from rds_lake_tests.support.world import World, execute

pytestmark = pytest.mark.exhaustive

BEFORE = """
DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE;
CREATE TABLE flips (v integer); INSERT INTO flips VALUES (1);
CREATE TABLE gone (n integer); INSERT INTO gone VALUES (1);
CREATE TABLE log_01 AS SELECT 1 AS id;
"""
# A version beside, a column more, a view dropped, a member more.
AFTER = """
ALTER TABLE flips ALTER v TYPE text USING 'v' || v;
ALTER TABLE orders ADD COLUMN channel text; DELETE FROM orders WHERE id > 4;
DROP TABLE gone; CREATE TABLE log_02 AS SELECT 2 AS id;
"""
OLD, NEW = "2026-11-19", "2026-11-20"
# What each view may show, by date.
ROWS = {"orders": {OLD: "10", NEW: "4"}, "flips": {OLD: "1", NEW: "1"}, "log": {OLD: "1", NEW: "2"}}
MOST_WRITES = 40


@pytest.fixture
def eve(world: World) -> World:
    """The old date is published; the new one is relocated and changes everything."""
    retention = Retention(daily=1, weekly=0, monthly=0)
    world.with_source(union={"log": r"log_\d\d"}, keep_export=True, retention=retention)
    execute(world.url, BEFORE)
    world.snapshot(OLD)
    world.publish(OLD)
    execute(world.url, AFTER)
    world.snapshot(NEW)
    run = world.run()
    run.accept(date.fromisoformat(NEW), poll_seconds=0.05)
    run.relocate(date.fromisoformat(NEW))
    return world


def require_whole_views(world: World, when: str) -> None:
    """Every view shows one date, whole: the old one or the new one."""
    for view, rows in ROWS.items():
        ((day, count),) = world.query(f"SELECT min(snapshot_date), count(*) FROM {view}")
        assert day in rows, f"{when}, {view} shows {day}"
        assert count == rows[day], f"{when}, {view} shows {count} rows of {day}"


def test_a_date_that_changes_every_table_ends_the_same_however_often_it_was_killed(eve: World) -> None:
    morning = Morning.of(eve)
    publish(eve.run(), date.fromisoformat(NEW))
    expected = what_readers_see(eve)
    assert {"snapshots_flips__v2", "snapshots_log"} <= set(expected["tables"])  # type: ignore[call-overload]
    assert eve.query("SELECT v FROM flips") == [("v1",)]
    number = 0
    morning.restore(eve)
    for number, killed in deaths(eve, "publish", NEW, most=MOST_WRITES):
        require_whole_views(eve, f"killed before write {number}")
        if killed:
            publish(eve.run(), date.fromisoformat(NEW))
        assert what_readers_see(eve) == expected, f"a crash before write {number} changed the end"
    assert number > 10, "fewer writes than changes"


def test_a_removal_killed_before_any_of_its_writes_is_finished_by_the_next(eve: World) -> None:
    publish(eve.run(), date.fromisoformat(NEW))
    leftover = "lake/shop/shop/public.orders/snapshot_date=2026-11-02/given-up-1/1-part-0.parquet"
    eve.root.s3.put_text("acme-lake", leftover, "12345", kms_key=None)
    number = 0
    for number, killed in deaths(eve, "prune", NEW, most=MOST_WRITES):
        for (day,) in eve.query("SELECT snapshot_date FROM _snapshots"):
            read = "snapshots_flips" if day == OLD else "snapshots_flips__v2"
            rows = eve.query(f"SELECT count(*) FROM {read} WHERE snapshot_date = '{day}'")
            assert rows == [("1",)], f"killed before write {number}, {day} is listed and cannot be read"
        if killed:
            prune(eve.run(), date.fromisoformat(NEW))
        gone = (OLD, "given-up-1")
        assert [key for key in eve.keys("lake/") if any(part in key for part in gone) and "_athena" not in key] == []
        left = {p["Values"][0] for found in catalogued(eve)[1].values() for p in found}
        assert left == {NEW}
        require_whole_views(eve, f"killed before write {number}")
    assert number > 5
