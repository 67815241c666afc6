"""A month of a warehouse's nights, and what of it is billed: minutes in which its cluster exists.

    billed <= what the run took + `keep` + one interval of the reaper + the minutes that AWS takes to delete

A run that dies takes until its lease expires. What belongs here: the month. The clock is the local cloud's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from rds_lake.stages.warehouse.lease import SPAN, keep_alive
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake_tests.stages.warehouse.standing.yard import Yard
from rds_lake_tests.support.world import post

INTERVAL = 5.0  # minutes between two passes of the reaper
CREATING, DELETING = 4.0, 3.0
_AT_MOST = 300.0  # minutes: whatever is there then will stay
_DEAD = SPAN / timedelta(minutes=1)


@dataclass(slots=True)
class Bill:
    """Of one run. Minutes: `billed` is what its cluster existed, `allowed` what the bar says."""

    run: str
    billed: float
    allowed: float


@dataclass(slots=True)
class Month:
    """Nights with one run each: some end well, some fail, some die; a `keep` in minutes now and then."""

    yard: Yard
    dice: Random
    bills: list[Bill] = field(default_factory=list)
    _minute: float = 0.0
    _reaped: float = 0.0

    def play(self, nights: int) -> list[Bill]:
        self.yard.prepare(mode="cluster", keep=False)
        body = {"creating_minutes": CREATING, "deleting_minutes": DELETING}
        assert post(f"{self.yard.cloud.url}/_local/redshift", body)[0] == 200
        for night in range(nights):
            self._night(f"night-{night}")
        return self.bills

    def _night(self, run: str) -> None:
        keep = self.dice.choice([0, 0, 0, 20])
        self.yard.settings["keep"] = keep or False
        works, dies = self.dice.randrange(1, 90), self.dice.random() < 0.2
        began = ended = self._minute
        while isinstance(bring_up(self.yard.site, self.yard.plan(run)), NotYet):
            assert self._minute - began < _AT_MOST, "the warehouse of the night before is never free"
            self._pass(1.0)
        until = self._minute + works
        while self._minute < until:
            keep_alive(self.yard.site, run)
            self._pass(min(5.0, until - self._minute))
        ended = self._minute + (_DEAD if dies else 0.0)
        while not dies and take_down(self.yard.site, run):
            self._pass(1.0)
        kept = 0 if dies else keep
        while self._clusters() and self._minute - ended < _AT_MOST:
            self._pass(1.0)
        allowed = (
            ended - began + kept + INTERVAL + DELETING + 2.0
        )  # two turns of a minute: to order, and to see it gone
        self.bills.append(Bill(run=run, billed=self._minute - began, allowed=allowed))
        self._pass(self.dice.randrange(60, 600))

    def _pass(self, minutes: float) -> None:
        """Let time pass; the reaper comes by when it is due."""
        self.yard.wait(minutes)
        self._minute += minutes
        self._calm()
        if self._minute - self._reaped >= INTERVAL:
            self._reaped = self._minute
            for found in reap([self.yard.site], apply=True):
                assert found.error is None, found.error
            self._calm()

    def _clusters(self) -> list[str]:
        return [
            each["ClusterIdentifier"] for each in self.yard.inspector.client("redshift").describe_clusters()["Clusters"]
        ]

    def _calm(self) -> None:
        """CloudFormation's threads see the new time within some milliseconds."""
        until = time.monotonic() + 0.04
        while time.monotonic() < until and any(stack.busy for stack in self.yard.cloud.stacks._book.all("us-east-1")):
            time.sleep(0.005)
