"""Wherever a worker is killed, the reaper leaves nothing of its warehouse: a death after each of its calls."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake_tests.stages.warehouse.standing.killing import Gallows, deaths, until_dead
from rds_lake_tests.stages.warehouse.standing.yard import Yard, named

MODES: list[dict[str, Any]] = [{"mode": "cluster"}, {"mode": "serverless", "keep": False}]


@pytest.fixture(scope="module")
def gallows(yard_cloud: LocalCloud) -> Gallows:
    return Gallows(yard_cloud)


@pytest.fixture
def mortal(yard_cloud: LocalCloud, yard_of_file: Yard, gallows: Gallows) -> Yard:
    """Its workers die; whoever looks at the cloud does not."""
    workers: Any = gallows
    return Yard(cloud=yard_cloud, inspector=yard_of_file.inspector, workers=InProcessClients(workers))


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_after_a_death_one_expired_lease_is_reaped_and_nothing_is_left(
    mortal: Yard, gallows: Gallows, settings: dict[str, Any]
) -> None:
    """After every fifth call, and each near CreateStack; `rds_lake_tests/large/redshift/warehouses.py` has all of them.

    Mutation that fails it: the lease written after CreateStack.
    """
    assert deaths(mortal, gallows, settings, every=5) > 8


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_a_reaper_that_is_killed_at_any_call_is_followed_by_one_that_ends_it(
    mortal: Yard, gallows: Gallows, settings: dict[str, Any]
) -> None:
    gallows.begin()
    mortal.prepare(**settings)
    number, killed = 0, True
    while killed:  # by every third call, and by none at last
        gallows.begin()
        mortal.up(f"run-{number}")
        mortal.put(f"{named(mortal.warehouse).staging}unload/part-000")
        mortal.wait(31)
        number += 3
        gallows.begin(number)
        killed = until_dead(mortal.reaped)
        gallows.begin()
        mortal.settle()
        mortal.reaped()
        assert mortal.census() == {}, number
    assert number > 10
