"""Changes that Firehose wrote: each counts once, live rows follow them, and the next snapshot says what was lost or never was."""

from datetime import timedelta

import pytest

from rds_lake_tests.stages.streams.collecting.arrived_bench import ArrivedBench
from rds_lake_tests.stages.streams.collecting.calls import Row, Rows, Sent, Writers
from rds_lake_tests.stages.streams.collecting.day import START, day_of, found_share, keys_named
from rds_lake_tests.support.world import World


@pytest.fixture(params=["postgres", "mysql"])
def bench(request: pytest.FixtureRequest, world: World) -> ArrivedBench:
    return ArrivedBench(world.root.lake, world.query, engine=request.param)


def test_a_clean_way_raises_no_alarm_and_live_is_the_table(bench: ArrivedBench) -> None:
    day = day_of(bench, seed=1, changes=200, keys=90, repeat_percent=5)
    assert (day.inner, day.final, day.drift.is_clean, day.live) == ([], set(), True, day.rows)


@pytest.mark.exhaustive
def test_every_loss_that_changes_a_row_is_named_and_of_the_others_nearly_all(bench: ArrivedBench) -> None:
    day = day_of(bench, seed=2, changes=500, keys=90, lose_percent=5, phantom_percent=2, repeat_percent=5)
    assert len(day.final) > 3 and len(day.inner) > 10 and day.phantoms
    assert day.final <= keys_named(day.drift)
    assert found_share(day) >= 0.95
    # A lost change whose row came back looks rolled back, and a rolled-back one whose successor was lost looks like a loss.
    assert abs(day.drift.phantom - len(day.phantoms)) <= len(day.phantoms) / 2
    assert day.drift.lost > 10


@pytest.mark.exhaustive
def test_rows_without_changes_are_compared_and_a_truncate_that_was_rolled_back_is_known_by_what_it_left(
    world: World,
) -> None:
    bench = ArrivedBench(world.root.lake, world.query)
    writers = Writers(seed=4, keys=12, start=START)
    writers.write(40)
    writers.pause(timedelta(minutes=20))
    rows = dict(writers.rows)
    earlier = bench.snapshot(rows, writers.now)
    first, second, third = sorted(rows)[:3]
    truncate = Sent(
        at=writers.now + timedelta(hours=1), key="", op="T", old=None, new=None, xid=1, is_real=False, id="t"
    )
    touched: Row = dict(rows[third], a="touched")
    change = Sent(
        at=writers.now + timedelta(hours=2),
        key=third,
        op="U",
        old=rows[third],
        new=touched,
        xid=2,
        is_real=True,
        id="u",
    )
    bench.deliver([(truncate.at, truncate), (change.at, change)])
    bench.collect(writers.now + timedelta(hours=3))
    found: Rows = {key: row for key, row in rows.items() if key != first} | {
        second: dict(rows[second], b="x"), third: touched, "99": {"id": "99", "a": None, "b": None},
    }  # fmt: skip
    drift = bench.audit(earlier, bench.snapshot(found, writers.now + timedelta(days=1)))
    assert [row.key for row in drift.different_rows] == [f"id={second}"] and drift.different_rows[0].columns == "b"
    assert ([row.key for row in drift.extra_rows], drift.lost) == (["id=99"], 0)
    assert {row.key for row in drift.phantom_rows} == {"TRUNCATE", f"id={third}"}
    assert str(drift).startswith("shop.public.items: 1 not predicted (id=99); 1 different (id=")
