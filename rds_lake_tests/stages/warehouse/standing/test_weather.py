"""Whatever CloudFormation, AWS, people and two runs at once do to a warehouse, nothing of it is left in the end."""

from __future__ import annotations

from random import Random

import pytest

from rds_lake_tests.stages.warehouse.standing.weather import Day
from rds_lake_tests.stages.warehouse.standing.yard import Yard


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_left_of_a_warehouse_in_bad_weather(yard: Yard, seed: int) -> None:
    """50 seeds: `python -m bench.warehouses`. Mutation that fails it: a deletion that failed is not tried again."""
    day = Day(yard=yard, dice=Random(seed))
    assert day.play() == {}, day.events
