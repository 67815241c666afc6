"""Wherever a worker is killed, the reaper leaves nothing of its warehouse: a death after each of its calls."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake_tests.stages.warehouse.standing.killing import Gallows, until_dead
from rds_lake_tests.stages.warehouse.standing.yard import Yard

MODES: list[dict[str, Any]] = [{"mode": "cluster"}, {"mode": "serverless", "keep": False}]


@pytest.fixture(scope="module")
def gallows(yard_cloud: LocalCloud) -> Gallows:
    return Gallows(yard_cloud)


@pytest.fixture
def mortal(yard_cloud: LocalCloud, yard_of_file: Yard, gallows: Gallows) -> Yard:
    """Its workers die; whoever looks at the cloud does not."""
    workers: Any = gallows
    return Yard(cloud=yard_cloud, inspector=yard_of_file.inspector, workers=InProcessClients(workers))


def whole(yard: Yard) -> None:
    """What a run does with its warehouse: it comes up, a statement runs, a result is staged, it goes."""
    target = yard.up()
    names = "rds-lake/" + target.database
    yard.start("select 1", names, target)
    yard.put("lake/_warehouses/nightly/staging/run-1/unload/part-000")
    yard.down()


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_after_a_death_at_any_call_one_expired_lease_is_reaped_and_nothing_is_left(
    mortal: Yard, gallows: Gallows, settings: dict[str, Any]
) -> None:
    """Mutation that fails it: the lease written after CreateStack."""
    mortal.prepare(**settings)
    gallows.begin()
    whole(mortal)
    calls = list(gallows.calls)
    assert "cloudformation.CreateStack" in calls and len(calls) > 20
    for number in range(1, len(calls) + 1):
        gallows.begin()
        mortal.prepare(**settings)
        gallows.begin(number)
        assert until_dead(lambda: whole(mortal)) or number == len(calls), number
        mortal.settle()
        gallows.begin()
        mortal.wait(31)
        mortal.reaped()
        assert mortal.census() == {}, f"killed after call {number}, {calls[number - 1]}"


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_a_reaper_that_is_killed_at_any_call_is_followed_by_one_that_ends_it(
    mortal: Yard, gallows: Gallows, settings: dict[str, Any]
) -> None:
    gallows.begin()

    def left_behind() -> None:
        mortal.prepare(**settings)
        mortal.up()
        mortal.put("lake/_warehouses/nightly/staging/run-1/unload/part-000")
        mortal.wait(31)

    left_behind()
    gallows.begin()
    mortal.reaped()
    for number in range(1, len(gallows.calls) + 1, 2):
        gallows.begin()
        left_behind()
        gallows.begin(number)
        until_dead(mortal.reaped)
        mortal.settle()
        gallows.begin()
        mortal.reaped()
        assert mortal.census() == {}, number
