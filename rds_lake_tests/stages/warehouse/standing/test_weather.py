"""Whatever CloudFormation, AWS, people and two runs at once do to a warehouse, nothing of it is left in the end, and little is billed.

A few days and nights of those that `python -m bench.warehouses` plays.
"""

from __future__ import annotations

from random import Random

import pytest

from rds_lake_tests.stages.warehouse.standing.month import Month
from rds_lake_tests.stages.warehouse.standing.weather import Day
from rds_lake_tests.stages.warehouse.standing.yard import Yard


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_left_of_a_warehouse_in_bad_weather(yard: Yard, seed: int) -> None:
    """50 seeds: `python -m bench.warehouses`. Mutation that fails it: a deletion that failed is not tried again."""
    day = Day(yard=yard, dice=Random(seed))
    assert day.play() == {}, day.events


@pytest.mark.exhaustive
def test_no_more_is_billed_than_the_run_what_is_kept_and_one_pass_of_the_reaper(yard: Yard) -> None:
    """Mutation that fails it: a lease of a dead run that never expires."""
    bills = Month(yard=yard, dice=Random(7)).play(5)
    assert [bill for bill in bills if bill.is_over] == []
    assert yard.census() == {}
