"""Days of a warehouse in bad weather: runs, reapers, people and faults take turns in an order that a seed decides.

What belongs here: one day. `test_weather.py` has a few, `rds_lake_tests/large/redshift/warehouses.py` many.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from rds_lake.errors import LeaseLostError, StackError, TransientError
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.warehouse.lease import keep_alive
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault, named
from rds_lake_tests.support.world import post

_STEPS = 70
_PIECES = {"cluster": ("Cluster", "Parameters", "Role"), "serverless": ("Namespace", "Workgroup", "Role")}
_THROTTLED = (
    ("cloudformation", "DescribeStacks"), ("cloudformation", "CreateStack"), ("cloudformation", "DeleteStack"),
    ("redshift", "DescribeClusters"), ("redshift-serverless", "GetWorkgroup"), ("redshift-data", "ListStatements"),
    ("redshift", "DescribeClusterSnapshots"), ("secretsmanager", "DescribeSecret"), ("s3", "PutObject"),
)  # fmt: skip
_HANGS = 90.0  # minutes: longer than the stack may take, and no cluster can be deleted while it is created


@dataclass(slots=True)
class Run:
    """One run, as far as its warehouse goes. `died`: its worker was killed, and nobody takes its turns."""

    id: str
    works_for: int
    phase: Literal["creating", "working", "removing", "ended"] = "creating"
    died: bool = False
    why: str = ""

    def turn(self, yard: Yard) -> None:
        try:
            self._turn(yard)
        except StackError as error:
            self.phase, self.why = "removing", str(error)
        except LeaseLostError as error:
            self.phase, self.why = "ended", str(error)
        except TransientError:
            return  # the next turn asks again

    def _turn(self, yard: Yard) -> None:
        if self.phase == "creating":
            found = bring_up(yard.warehouse, yard.plan(self.id))
            if isinstance(found, Target):
                self.phase = "working"
                _leave_things(yard, found)
            else:
                assert isinstance(found, NotYet)
        elif self.phase == "working":
            keep_alive(yard.warehouse, self.id)
            self.works_for -= 1
            if self.works_for <= 0:
                self.phase = "removing"
        elif self.phase == "removing" and not take_down(yard.warehouse, self.id):
            self.phase = "ended"


def _leave_things(yard: Yard, target: Target) -> None:
    """A statement that would run for ever, and half a result."""
    names = named(yard.warehouse)
    fault(yard.cloud, redshift=[{"name": names.statements, "delay_seconds": 600.0, "times": 1}])
    yard.start("select 1", f"{names.statements}step/slow/1/0", target)
    yard.put(f"{names.staging}unload/part-000")


@dataclass(slots=True)
class Day:
    """One seed's day. `events`: what happened, for the message when something is left."""

    yard: Yard
    dice: Random
    runs: list[Run] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def play(self) -> dict[str, list[str]]:
        """The day, an hour without anybody, and the reaper: what is left then."""
        mode = self.dice.choice(["cluster", "serverless"])
        self.yard.prepare(mode=mode, keep=self.dice.choice([False, False, 20]))
        self.runs = [Run(f"run-{number}", self.dice.randrange(1, 5)) for number in (1, 2)]
        for _ in range(self.dice.randrange(1, 4)):
            self._disturb(mode)
        for _ in range(_STEPS):
            self._step(mode)
        self._minutes(0.0)
        for _ in range(3):  # a stack that hung may end by its time-out, which no lease shortens
            self.yard.wait(65)
            self._quiet()
            for _ in range(20):
                if not self._reap():
                    break
                self._quiet()
        return self.yard.census()

    def _step(self, mode: str) -> None:
        match self.dice.choices(["run", "time", "reap", "disturb", "die"], [60, 20, 10, 3, 2])[0]:
            case "run":
                run = self.dice.choice(self.runs)
                if not run.died:
                    run.turn(self.yard)
                    self.events.append(f"{run.id} {run.phase}")
                    self._at_most_one_works()
            case "time":
                self.yard.wait(self.dice.choice([1, 1, 5, 5, 20, 40]))
            case "reap":
                self._reap()
            case "disturb":
                self._disturb(mode)
            case _:
                victim = self.dice.choice(self.runs)
                victim.died = True
                self.events.append(f"{victim.id} died")
        self._quiet()

    def _at_most_one_works(self) -> None:
        """Of two runs that were let to work, one has the lease no more, and is told so before it does anything."""
        working = [run for run in self.runs if run.phase == "working"]
        held = []
        for run in working if len(working) > 1 else ():
            try:
                keep_alive(self.yard.warehouse, run.id)
                held.append(run.id)
            except (LeaseLostError, TransientError):
                continue
        assert len(held) < 2, self.events

    def _reap(self) -> bool:
        """Whether anything was left."""
        (found,) = reap([self.yard.warehouse], apply=True)
        self.events.append(f"reaped {[(each.kind, each.state[:40]) for each in found.left]} {found.error or ''}")
        return not found.done

    def _disturb(self, mode: str) -> None:
        kind = self.dice.choice(["hang", "refuse", "undeletable", "throttle", "slow", "by hand", "snapshot"])
        self.events.append(kind)
        resource: dict[str, Any] = {"resource": self.dice.choice(_PIECES[mode])}
        match kind:
            case "hang":
                self._minutes(_HANGS)
            case "slow":
                self._minutes(self.dice.choice([0.0, 3.0, 12.0]))
            case "refuse":
                fault(self.yard.cloud, stacks=[resource | {"action": "create", "fail": "no capacity today"}])
            case "undeletable":
                fault(self.yard.cloud, stacks=[resource | {"action": "delete", "fail": "in use by something"}])
            case "throttle":
                chosen = self.dice.sample(_THROTTLED, 3)
                bodies = [{"service": one, "operation": two, "calls": self.dice.randrange(1, 4)} for one, two in chosen]
                fault(self.yard.cloud, throttle=bodies)
            case "by hand":
                self._by_hand(delete=True)
            case _:
                self._by_hand(delete=False)

    def _by_hand(self, *, delete: bool) -> None:
        """A person deletes what the stack made, or makes a snapshot of it; refused where that is not possible now."""
        redshift, serverless = (self.yard.inspector.client(name) for name in ("redshift", "redshift-serverless"))
        try:
            for each in redshift.describe_clusters()["Clusters"]:
                name = each["ClusterIdentifier"]
                if delete:
                    redshift.delete_cluster(ClusterIdentifier=name, SkipFinalClusterSnapshot=True)
                else:
                    redshift.create_cluster_snapshot(ClusterIdentifier=name, SnapshotIdentifier=f"{name}-by-hand")
            for each in serverless.list_workgroups()["workgroups"] if delete else ():
                serverless.delete_workgroup(workgroupName=each["workgroupName"])
        except (redshift.exceptions.ClientError, serverless.exceptions.ClientError) as error:
            self.events.append(f"refused: {error}")

    def _minutes(self, creating: float) -> None:
        body = {
            "creating_minutes": creating,
            "deleting_minutes": min(creating, 12.0),
            "snapshot_minutes": min(creating, 2.0),
        }
        assert post(f"{self.yard.cloud.url}/_local/redshift", body)[0] == 200

    def _quiet(self) -> None:
        """Let CloudFormation do what it can without time passing."""
        until = time.monotonic() + 0.05
        while time.monotonic() < until and any(stack.busy for stack in self.yard.cloud.stacks._book.all("us-east-1")):
            time.sleep(0.005)
