"""The moments that the tests of this folder begin with are what a process leaves that is really killed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake_tests.stages.crashes.moments import Moment
from rds_lake_tests.stages.crashes.mortal import MortalRuns, deaths, mortal_runs
from rds_lake_tests.support.world import World, execute

OLD, NEW = "2026-11-19", "2026-11-20"
# Times, and the names that AWS and each run choose anew.
CHOSEN = re.compile(
    rb"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?|\w{3} \d+, \d{4},? [0-9:]+\s[AP]M"
    rb"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|\"[0-9a-f]{12}\""
)


@pytest.fixture(scope="module")
def mortal() -> Iterator[MortalRuns]:
    with mortal_runs() as runs:
        yield runs


def same(value: object) -> bytes:
    return CHOSEN.sub(b"*", value if isinstance(value, bytes) else repr(value).encode())


def all_of(moment: Moment) -> dict[str, Any]:
    """Everything that is kept, but for what is chosen anew each time."""
    database = moment.morning.database
    found: dict[str, Any] = {
        f"object {bucket}/{same(key.encode()).decode()}": (
            same(one.body),
            one.known["encryption"],
            one.known["kms_key_id"],
            same(dict(one.known["_metadata"])),
            one.known["_storage_class"],
        )
        for (bucket, key), one in moment.morning.objects.items()
    }
    for name, table in database.tables.items() if database is not None else ():
        found[f"table {name}"] = {version: same(body) for version, body in table.versions.items()}
        found |= {f"partition {name} {key}": same(one.partition_input) for key, one in table.partitions.items()}
    for task in moment.tasks.values():
        found[f"task {task['ExportTaskIdentifier']}"] = (task["SourceArn"], task["Status"])
    return found


def test_what_is_kept_before_a_write_is_what_a_process_leaves_that_is_killed_before_it(
    world: World, mortal: MortalRuns
) -> None:
    # The writes of one table come in one order.
    execute(world.url, 'DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE')
    world.snapshot(OLD)
    world.publish(OLD)
    world.snapshot(NEW)
    start = Moment.of(world)
    kept = {number: all_of(Moment.of(world)) for number, _ in deaths(world, "whole", NEW, most=80)}
    for number in (1, 2, 3, len(kept) // 2, len(kept) - 1, len(kept)):
        start.restore(world).join()
        assert all_of(Moment.of(world)) == all_of(start), "the lake is not as it was"
        assert mortal.attempt(world, "whole", NEW, before=number) == (number < len(kept))
        left = all_of(Moment.of(world))
        differ = sorted(name for name in left.keys() | kept[number].keys() if left.get(name) != kept[number].get(name))
        assert not differ, f"killed before write {number}: {[(left.get(n), kept[number].get(n)) for n in differ]}"
