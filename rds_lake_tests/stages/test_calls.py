"""What one more table costs in calls to AWS: a change that raises it fails here (bench/tables.py: the same for 500 tables)."""

import pytest

from rds_lake_tests.stages.calls import Calls, calls_of_date, calls_of_stages, growth, make_tables, without_polls
from rds_lake_tests.support.world import World, execute

FEW, MORE = 2, 8
# Calls that every table adds. Whatever is not here may only be made a fixed number of times.
PER_TABLE = {
    ("athena", "StartQueryExecution"): 1,  # its view; dozens of tables share the statement of their checks
    ("glue", "BatchCreatePartition"): 1,
    ("glue", "BatchGetPartition"): 1,  # before the view moves there
    ("s3", "CopyObject"): 1,  # of one object each
    ("s3", "GetObject"): 1,  # the footer
    ("s3", "ListObjectsV2"): 1,  # the copies
}
NEW_TABLE = {("glue", "CreateTable"): 1}
REPEATED = {
    ("glue", "BatchGetPartition"): 1,  # a partition deleted by hand is made again
    ("s3", "ListObjectsV2"): 1,  # files deleted by hand are copied again
}


def count(world: World, tables: int) -> tuple[Calls, ...]:
    """The calls of a first date, of a second one, and of the second one repeated."""
    world.cloud.reset()
    execute(world.url, "DROP SCHEMA IF EXISTS sales CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    make_tables(world.url, tables)
    lake = World.of(world.cloud, url=world.url, config=world.config)
    dates = calls_of_date(lake, "2026-11-19"), calls_of_date(lake, "2026-11-20")
    return tuple(without_polls(calls) for calls in (*dates, calls_of_stages(lake, "2026-11-20")))


@pytest.mark.exhaustive
def test_a_table_more_costs_a_few_calls_two_of_glue_once_it_is_known_and_one_when_nothing_changed(world: World) -> None:
    few, more = count(world, FEW), count(world, MORE)
    for number, allowed in enumerate((PER_TABLE | NEW_TABLE, PER_TABLE, REPEATED)):
        costs = {
            call: growth({FEW: few[number].get(call, 0), MORE: calls}).per_table for call, calls in more[number].items()
        }
        assert {call: cost for call, cost in costs.items() if cost > allowed.get(call, 0)} == {}
