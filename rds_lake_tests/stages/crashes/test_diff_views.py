"""A death before every write of a publication with views of `diff_views:`: what they compare is always what they say they compare."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rds_lake.model.lake.publication import Pointer
from rds_lake.stages.diff.seen_views import see_diff_views
from rds_lake.stages.lake.pointer import find_pointer, read_state, repairs_due
from rds_lake_tests.stages.crashes.mortal import deaths
from rds_lake_tests.stages.crashes.stages import publish, roll_back
from rds_lake_tests.stages.morning import Morning, what_readers_see
from rds_lake_tests.support.world import World, execute

pytestmark = pytest.mark.exhaustive

D17, D18, D19, D20 = (f"2026-11-{day}" for day in range(17, 21))
MOST_WRITES = 40
AN_HOUR_LATER = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(hours=1)  # than the stages say it is
STAGES = {"publish": publish, "roll_back": roll_back}


@pytest.fixture
def shop(world: World) -> World:
    """Two dates are published and two relocated; each changed one order, and the last one has a table less."""
    world.with_source(
        keys={"orders": ("id",), "notes": ("id",)}, diff_views=("orders", "notes"), check_casts=False, replace=True
    )
    execute(world.url, 'DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE; CREATE TABLE notes AS SELECT 1 AS id')
    for day in (D17, D18, D19, D20):
        execute(world.url, f"UPDATE orders SET total = 0 WHERE id = {int(day[-2:]) - 16}")
        if day == D20:
            execute(world.url, "DROP TABLE notes")
        world.snapshot(day)
        if day not in (D18, D20):
            world.publish(day)
        else:
            relocate(world, day)
    return world


def relocate(world: World, day: str) -> None:
    run = world.run()
    run.accept(date.fromisoformat(day), poll_seconds=0.05)
    run.relocate(date.fromisoformat(day))


def pointer_of(world: World) -> Pointer:
    pointer = find_pointer(world.gateways.s3, world.gateways.layout, "shop")
    assert pointer is not None
    return pointer


def require_honest_views(world: World, when: str) -> None:
    """Each view has the rows that changed between the dates which it names."""
    for view in world.root.glue.list_tables("shop"):
        if not view.endswith("_diff"):
            continue
        found = world.query(f"SELECT snapshot_date_before, snapshot_date, id, change FROM {view} ORDER BY id")
        pairs = {row[:2] for row in found}
        assert len(pairs) <= 1, f"{when}, {view} compares {pairs}"
        for before, after in pairs:
            assert before is not None and after is not None
            changed = range(int(before[-2:]) - 15, int(after[-2:]) - 15)
            assert [row[2:] for row in found] == [(str(each), "changed") for each in changed], f"{when}, {view}"
    seen = see_diff_views(world.gateways.lake, world.config.sources[0])
    if not seen.problems:
        right = (str(seen.before), str(pointer_of(world).snapshot_date))
        assert compared(world)["orders_diff"] == right, f"{when}, it is said to be right"


def compared(world: World) -> dict[str, tuple[str | None, ...]]:
    views = [view for view in world.root.glue.list_tables("shop") if view.endswith("_diff")]
    sql = "SELECT DISTINCT snapshot_date_before, snapshot_date FROM {}"
    found = {view: world.query(sql.format(view)) for view in views}
    return {view: rows[0] if rows else () for view, rows in found.items()}


def repair(world: World) -> None:
    """What reconciliation does an hour later, where a publication was killed."""
    state = read_state(world.gateways.s3, world.gateways.layout, "shop")
    due = repairs_due(state, "shop", now=AN_HOUR_LATER)
    if due is not None:
        world.run().shared.publish(due.snapshot_date, now=AN_HOUR_LATER)


def survives_every_death(world: World, stage: str, day: str, expected: dict[str, tuple[str | None, ...]]) -> int:
    """Kill the stage before each of its writes; after the repair, and after a repetition, every view is right."""
    morning, number = Morning.of(world), 0
    STAGES[stage](world.run(), date.fromisoformat(day))
    end, made = what_readers_see(world), compared(world)
    assert made == expected
    morning.restore(world)
    for number, killed in deaths(world, stage, day, most=MOST_WRITES):
        when = f"killed before write {number}"
        require_honest_views(world, when)
        if killed:
            repair(world)
            require_honest_views(world, f"{when} and repaired")
            shown = {pair[1] for pair in compared(world).values() if pair}
            assert shown <= {str(pointer_of(world).snapshot_date)}, f"{when} and repaired, {shown}"
            if pointer_of(world).snapshot_date != date.fromisoformat(day) or stage == "publish":
                STAGES[stage](world.run(), date.fromisoformat(day))
        assert compared(world) == expected, when
        assert what_readers_see(world) == end, f"a crash before write {number} changed the end"
    return number - 1


def test_a_new_date_killed_before_any_of_its_writes_ends_at_the_same_differences(shop: World) -> None:
    assert compared(shop) == {"orders_diff": (D17, D19), "notes_diff": ()}
    assert survives_every_death(shop, "publish", D20, {"orders_diff": (D19, D20)}) >= 8


def test_an_older_date_that_arrives_killed_before_any_of_its_writes_becomes_the_date_before(shop: World) -> None:
    assert survives_every_death(shop, "publish", D18, {"orders_diff": (D18, D19), "notes_diff": ()}) >= 6


def test_a_rollback_killed_before_any_of_its_writes_takes_the_differences_back(shop: World) -> None:
    publish(shop.run(), date.fromisoformat(D18))
    publish(shop.run(), date.fromisoformat(D20))
    assert compared(shop) == {"orders_diff": (D19, D20)}
    expected = {"orders_diff": (D17, D18), "notes_diff": ()}
    assert survives_every_death(shop, "roll_back", D18, expected) >= 8
