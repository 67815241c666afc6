"""Follows what CloudFormation does to a stack until it ends: one line for each event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.errors import StackError
from rds_lake.infra.stack.client import Event, Stack, StackClient

_GROWTH = 1.5
_DONE = ("_COMPLETE", "_SKIPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often CloudFormation is polled, and when to give up, in seconds.

    `pause`: after a new event; without events, it grows up to `longest`. `patience`: the longest time without an event. `clock` never
    goes back.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    pause: float = 1.0
    longest: float = 5.0
    patience: float = 30 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Watches one stack; `say` gets a line per event, oldest first, each once."""

    stacks: StackClient
    pace: Pace
    say: Callable[[str], None]

    def until_ended(self, stack_id: str, *, after: str | None, total: int | None = None) -> tuple[Stack, list[Event]]:
        """Returns the stack once no operation is in progress, and all events after the event of that id.

        `total`: the number of resources, if that is known. StackError if nothing happens for the pace's patience.
        """
        seen: list[Event] = []
        done: set[str] = set()
        pause, moved = self.pace.pause, self.pace.clock()
        while True:
            # Read before the events: an operation that ends in between is shown in the next round.
            stack = self.stacks.look(stack_id)
            news = self.stacks.events(stack_id, after=seen[-1].id if seen else after)
            for event in news:
                if event.status.endswith(_DONE) and not event.of_stack:
                    done.add(event.logical)
                self.say(_line(event, len(done), total))
            seen += news
            if stack is None:
                raise StackError(
                    f"stack {stack_id} is gone, although CloudFormation keeps a record of deleted stacks: look for it in AWS's console"
                )
            if not stack.busy:
                return stack, seen
            if news:
                pause, moved = self.pace.pause, self.pace.clock()
            elif self.pace.clock() - moved > self.pace.patience:
                raise StackError(_stuck(stack, seen, self.pace.patience))
            self.pace.sleep(pause)
            pause = min(pause * _GROWTH, self.pace.longest)


def _line(event: Event, done: int, total: int | None) -> str:
    count = f"{done} of {total}" if total is not None else str(done)
    why = f": {event.reason}" if event.reason else ""
    return f"{event.at:%H:%M:%S} UTC  {count:>9}  {event.logical}  {event.type}  {event.status}{why}"


def _stuck(stack: Stack, seen: list[Event], patience: float) -> str:
    waiting = {event.logical: event for event in seen if not event.of_stack}
    names = [event.logical for event in waiting.values() if event.status.endswith("_IN_PROGRESS")]
    for_whom = f"; under way: {', '.join(names)}" if names else ""
    return (
        f"stack {stack.name} is in {stack.status}, and nothing has happened for {patience / 60:.0f} minutes{for_whom}. CloudFormation "
        "continues by itself: look at the stack in AWS's console, and repeat this command, which waits for its end"
    )
