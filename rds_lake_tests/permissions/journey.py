"""Two days of a lake as its daemon lives them, each role under exactly its printed policy, and what was decided in each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from rds_lake.console.connect import Connected
from rds_lake.localcloud.permissions.decisions import Recorded
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import Mailbox, World

TODAY = datetime.now(UTC).date()
_MOST_TICKS = 100
YESTERDAY = TODAY - timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Journey:
    """`root`: the lake with a key that may everything, for what others than the roles do. `permitted`: the pipeline's.

    `steps`: the decisions of each step. `failures`: what failed runs said. `mails`: what was sent to the topic.
    """

    root: World
    permitted: World
    reader: World
    instance: dg.DagsterInstance
    steps: dict[str, list[Recorded]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    shell: Shell = field(init=False)
    mails: Mailbox = field(init=False)

    def __post_init__(self) -> None:
        self.shell = Shell(self.permitted, self.instance)
        self.mails = self.root.mailbox()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is decided meanwhile belongs to this step."""
        decisions = self.root.cloud.permissions.decisions
        before = len(decisions.all())
        yield
        self.steps[name] = decisions.all()[before:]

    def drain(self) -> None:
        """Ticks of both sensors, and the runs they ask for, until nothing is left to do.

        What fails is asked for again and again: without AWS's variables in the environment every run does.
        """
        quiet = 0
        for _ in range(_MOST_TICKS):
            requests = [*self.shell.tick(), *self.shell.reconcile()]
            quiet = 0 if requests else quiet + 1
            if quiet == 2:
                return
            for request in requests:
                self.run(request)
        raise AssertionError(f"after {_MOST_TICKS} ticks there is still something to do; failures: {self.failures}")

    def run(self, request: dg.RunRequest) -> bool:
        """Whether the run succeeded."""
        result = self.shell.run(request)
        self.failures += [_said(event) for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
        return result.success


def _said(event: dg.DagsterEvent) -> str:
    data: Any = event.step_failure_data
    why = data.user_failure_data.description if data.user_failure_data else data.error
    return f"{event.step_key}: {why}"


def connected(world: World) -> Connected:
    """What the commands of the command line get, with the keys of that world."""
    gateways = world.gateways
    return Connected(config=world.config, rds=gateways.rds, dynamodb=gateways.dynamodb, lake=gateways.lake)
