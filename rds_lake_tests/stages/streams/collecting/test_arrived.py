"""Changes that Firehose wrote: each counts once, live rows follow them, and the next snapshot says what was lost or never was."""

import pytest

from rds_lake_tests.stages.streams.collecting.arrived_bench import ArrivedBench
from rds_lake_tests.stages.streams.collecting.day import day_of, found_share, keys_named
from rds_lake_tests.support.world import World


@pytest.fixture(params=["postgres", "mysql"])
def bench(request: pytest.FixtureRequest, world: World) -> ArrivedBench:
    return ArrivedBench(world.root.lake, world.query, engine=request.param)


def test_a_clean_way_raises_no_alarm_and_live_is_the_table(bench: ArrivedBench) -> None:
    day = day_of(bench, seed=1, changes=300, keys=40, repeat_percent=5)
    assert (day.inner, day.final, day.drift.is_clean, day.live) == ([], set(), True, day.rows)


def test_every_loss_that_changes_a_row_is_named_and_of_the_others_nearly_all(bench: ArrivedBench) -> None:
    day = day_of(bench, seed=2, changes=600, keys=100, lose_percent=5, phantom_percent=2, repeat_percent=5)
    assert len(day.final) > 3 and len(day.inner) > 10 and day.phantoms
    assert day.final <= keys_named(day.drift)
    assert found_share(day) >= 0.95
    # A lost change whose row came back looks rolled back, and a rolled-back one whose successor was lost looks like a loss.
    assert abs(day.drift.phantom - len(day.phantoms)) <= len(day.phantoms) / 2
    assert day.drift.lost > 10
