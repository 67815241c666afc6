"""What is billed of a warehouse ends with its run: a few nights of the month of `rds_lake_tests/large/redshift/warehouses.py`."""

from __future__ import annotations

from random import Random

from rds_lake_tests.stages.warehouse.standing.month import Month
from rds_lake_tests.stages.warehouse.standing.yard import Yard


def test_no_more_is_billed_than_the_run_what_is_kept_and_one_pass_of_the_reaper(yard: Yard) -> None:
    """Mutation that fails it: a lease of a dead run that never expires."""
    bills = Month(yard=yard, dice=Random(7)).play(5)
    assert [bill for bill in bills if bill.is_over] == []
    assert yard.census() == {}
