"""What a date of many tables asks of AWS, from "export complete" to "all views flipped", counted where the calls arrive."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rds_lake_tests.support.door import open_door
from rds_lake_tests.support.pipeline_keys import aws_of
from rds_lake_tests.support.world import World, execute

Calls = Mapping[tuple[str, str], int]

# How often these are made depends on how long Athena takes, not on how many tables there are.
POLLS = {("athena", "GetQueryExecution")}


def make_tables(url: str, count: int) -> None:
    """So many small tables in the database."""
    columns = "id bigint, name text, total numeric(10,2)"
    statements = [
        f"CREATE TABLE t_{number:04} ({columns}); INSERT INTO t_{number:04} VALUES (1, 'one', 1.5), (2, 'two', 2.5)"
        for number in range(count)
    ]
    execute(url, ";".join(statements))


def calls_of_date(world: World, day: str) -> Calls:
    """Take a snapshot and export it; then count what the other stages call."""
    world.snapshot(day)
    world.run().accept(date.fromisoformat(day), poll_seconds=0.05)
    return calls_of_stages(world, day)


def calls_of_stages(world: World, day: str) -> Calls:
    """What the stages after the export call; the second time it is what a repetition without any change calls."""
    when = date.fromisoformat(day)
    with open_door(world.cloud) as door:
        gateways = aws_of(door.url, "pipeline").gateways(world.config.lake)
        run = world.run(rds=gateways.rds, lake=gateways.lake)
        run.relocate(when)
        run.shared.catalogue(when)
        run.shared.publish(when, now=datetime.now(UTC))
    return Counter(door.calls)


def without_polls(calls: Calls) -> Calls:
    """What depends on the number of tables."""
    return {call: n for call, n in calls.items() if call not in POLLS}


@dataclass(frozen=True, slots=True)
class Growth:
    """`calls = once + per_table * tables`, and how far off that any measured size is, in calls."""

    once: float
    per_table: float
    worst: float


def growth(by_size: Mapping[int, int]) -> Growth:
    """The line through the smallest and the largest size; through nothing and the size where there is only one."""
    first, last = min(by_size), max(by_size)
    slope = (by_size[last] - by_size[first]) / (last - first) if last > first else by_size[last] / last
    once = by_size[first] - slope * first
    worst = max(abs(calls - once - slope * size) for size, calls in by_size.items())
    return Growth(once, slope, worst)
