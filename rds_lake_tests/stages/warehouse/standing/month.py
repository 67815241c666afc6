"""A month of a warehouse's nights, and what of it is billed: minutes until the deletion of its cluster is ordered.

    billed <= what the run took + `keep` + one interval of the reaper

A run that dies takes until its lease expires. The minutes that AWS itself takes to delete come after the order, and nobody can order
them away: they are counted apart. What belongs here: the month. The clock is the local cloud's.
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
    """Of one run. Minutes: `billed` until the deletion of its cluster was ordered, `allowed` what the bar says, `existed` in all."""

    run: str
    billed: float
    allowed: float
    existed: float

    @property
    def is_over(self) -> bool:
        """Whether it cost more than it may; AWS may delete for its minutes, and a look a minute sees that it is gone."""
        return self.billed > self.allowed or self.existed > self.billed + DELETING + 1.0


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
        began = self._minute
        while isinstance(bring_up(self.yard.warehouse, self.yard.plan(run)), NotYet):
            assert self._minute - began < _AT_MOST, "the warehouse of the night before is never free"
            self._pass(1.0)
        until = self._minute + works
        while self._minute < until:
            keep_alive(self.yard.warehouse, run)
            self._pass(min(5.0, until - self._minute))
        ended = self._minute + (_DEAD if dies else 0.0)
        ordered = self._until_gone(run, dies=dies)
        allowed = ended - began + (0 if dies else keep) + INTERVAL
        self.bills.append(Bill(run=run, billed=ordered - began, allowed=allowed, existed=self._minute - began))
        self._pass(self.dice.randrange(60, 600))

    def _until_gone(self, run: str, *, dies: bool) -> float:
        """Turns of the run, unless it is dead, and passes of the reaper, until there is no cluster; when its deletion was ordered."""
        began, ordered = self._minute, None
        while True:
            going = not dies and take_down(self.yard.warehouse, run)
            self._calm()
            there = self._clusters()
            if ordered is None and "available" not in there:
                ordered = self._minute
            if (not there and not going) or self._minute - began > _AT_MOST:
                return self._minute if ordered is None else ordered
            self._pass(1.0)

    def _pass(self, minutes: float) -> None:
        """Let time pass; the reaper comes by when it is due."""
        self.yard.wait(minutes)
        self._minute += minutes
        self._calm()
        if self._minute - self._reaped >= INTERVAL:
            self._reaped = self._minute
            for found in reap([self.yard.warehouse], apply=True):
                assert found.error is None, found.error
            self._calm()

    def _clusters(self) -> list[str]:
        """The status of each."""
        return [
            each["ClusterStatus"] for each in self.yard.inspector.client("redshift").describe_clusters()["Clusters"]
        ]

    def _calm(self) -> None:
        """CloudFormation's threads see the new time within some milliseconds."""
        until = time.monotonic() + 0.04
        while time.monotonic() < until and any(stack.busy for stack in self.yard.cloud.stacks._book.all("us-east-1")):
            time.sleep(0.005)
