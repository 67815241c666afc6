"""Two runs of one warehouse at the same moment, call by call, and one of them may die: they take turns, and nothing is left."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import pytest

from rds_lake.errors import LeaseLostError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.stages.warehouse.lease import keep_alive
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake_tests.stages.warehouse.standing.yard import Yard
from rds_lake_tests.turnstile.engine import Actor, Turnstile, play

_TURNS = 400
_FEW = 40  # of who waits for a dead one, whose lease nobody ends in this round
_ROUNDS = 6


def live(yard: Yard, run: str, holders: list[str], turns: int) -> None:
    """A run's turns without a pause: up, a little work, down."""
    for _ in range(turns):
        if not isinstance(bring_up(yard.warehouse, yard.plan(run)), NotYet):
            break
        time.sleep(0.003)
    else:
        return
    holders.append(f"+{run}")
    keep_alive(yard.warehouse, run)
    holders.append(f"-{run}")
    for _ in range(_TURNS):
        if not take_down(yard.warehouse, run):
            return
        time.sleep(0.003)


@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_two_runs_at_once_take_turns_whatever_the_order_of_their_calls(
    yard_cloud: LocalCloud, yard: Yard, seats: tuple[Turnstile, list[Yard]], seed: int
) -> None:
    """In every second round one of them dies at some call, and the reaper comes when its lease has expired."""
    dice, holders = Random(seed), list[str]()
    turnstile, yards = seats
    for each in yards:
        each.settings = yard.settings
    actors = [
        Actor(
            f"run-{number}",
            lambda one=one, number=number: live(one, f"run-{number}", holders, _FEW if seed % 2 else _TURNS),
        )
        for number, one in enumerate(yards)
    ]
    if seed % 2:
        dice.choice(actors).die_before = dice.randrange(2, 25)
    assert play(actors, turnstile, dice=dice, after_call=lambda *_: None) == []
    for actor in actors:
        assert actor.error is None or actor.dead or isinstance(actor.error, LeaseLostError), actor.error
    working = [mark for mark in holders if mark[0] == "+"]
    assert len(set(holders)) == len(holders) and (seed % 2 or len(working) == 2)
    pairs = [holders[at : at + 2] for at in range(0, len(holders), 2)]
    assert all(mark[1:] == end[1:] for mark, end in (pair for pair in pairs if len(pair) == 2)), holders
    yard.settle()
    yard.wait(31)
    yard.reaped()
    assert yard.census() == {}


@pytest.fixture(scope="module")
def seats(yard_cloud: LocalCloud, yard_of_file: Yard) -> tuple[Turnstile, list[Yard]]:
    """Two workers behind one turnstile; kept for all rounds, as clients take long to make."""
    turnstile = Turnstile(yard_cloud)

    def worker(number: int) -> Yard:
        app: Any = turnstile.seat(number)
        return Yard(cloud=yard_cloud, inspector=yard_of_file.inspector, workers=InProcessClients(app))

    return turnstile, [worker(0), worker(1)]
