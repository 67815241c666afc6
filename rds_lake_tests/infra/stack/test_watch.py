"""How a stack is followed: when it is given up, how often it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from rds_lake.errors import StackError
from rds_lake.infra.stack.client import Event, Stack
from rds_lake.infra.stack.watch import Pace, Watch


@dataclass
class Slow:
    """A stack with an event each `every` seconds, complete after `events` of them."""

    every: float
    events_in_all: int
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def happened(self) -> int:
        return min(int(self.now / self.every), self.events_in_all)

    def look(self, stack_id: str) -> Stack:
        status = "CREATE_COMPLETE" if self.happened == self.events_in_all else "CREATE_IN_PROGRESS"
        return Stack(id=stack_id, name="lake", status=status, description="", parameters={}, outputs=())

    def events(self, stack_id: str, *, after: str | None) -> list[Event]:
        return [self._event(number) for number in range(int(after or 0) + 1, self.happened + 1)]

    def _event(self, number: int) -> Event:
        return Event(
            id=str(number),
            at=datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC),
            logical=f"R{number}",
            physical="",
            type="AWS::SQS::Queue",
            status="CREATE_COMPLETE",
            reason="",
            of_stack=False,
        )

    def follow(self, lines: list[str]) -> None:
        pace = Pace(clock=lambda: self.now, sleep=self.sleep)
        watch = Watch(stacks=cast("Any", self), pace=pace, say=lines.append)
        watch.until_ended("id", after=None, total=self.events_in_all)


def test_a_slow_stack_that_moves_is_followed_for_hours() -> None:
    slow, lines = Slow(every=25 * 60, events_in_all=5), []
    slow.follow(lines)
    assert len(lines) == 5
    assert lines[1] == "00:00:02 UTC     2 of 5  R2  AWS::SQS::Queue  CREATE_COMPLETE"


def test_one_that_does_not_is_given_up_after_half_an_hour() -> None:
    slow = Slow(every=10**6, events_in_all=1)
    with pytest.raises(StackError, match="is in CREATE_IN_PROGRESS, and nothing has happened for 30 minutes"):
        slow.follow([])
    assert 30 * 60 < slow.now < 31 * 60


def test_it_is_asked_less_and_less_often_until_there_is_news() -> None:
    slow = Slow(every=60, events_in_all=2)
    slow.follow([])
    assert slow.slept[0] == 1.0 and max(slow.slept) == 5.0
    first = slow.slept[: slow.slept.index(1.0, 1)]
    assert first == sorted(first)
