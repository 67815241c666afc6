"""A worker that is dead after its n-th call to AWS, as SIGKILL leaves it: the call was made, and nothing after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.faults.operations import called_operation
from rds_lake.localcloud.http.app import request_context
from rds_lake.stages.warehouse.reap import Reaped
from rds_lake_tests.stages.warehouse.standing.yard import Yard, named

_NEAR = 2


class KilledError(BaseException):
    """The process is gone: no `except` of a stage sees it."""


@dataclass(slots=True, eq=False)
class Gallows:
    """Before the local cloud. `die_after`: the number of the last call; None lets all through. `calls`: what was called."""

    cloud: LocalCloud
    die_after: int | None = None
    dead: bool = False
    calls: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        context = request_context(environ)
        with self._lock:
            if self.dead:
                raise KilledError
            self.calls.append(f"{context.service}.{called_operation(context.service, environ)}")
            number = len(self.calls)
        body = b"".join(self.cloud.app(environ, start))
        if number == self.die_after:
            self.dead = True
            raise KilledError
        return [body]

    def begin(self, die_after: int | None = None) -> None:
        """A new process."""
        self.die_after, self.dead, self.calls = die_after, False, []


def until_dead(work: Callable[[], object]) -> bool:
    """Work, and whether it was killed."""
    try:
        work()
    except KilledError:
        return True
    return False


def whole(yard: Yard, run: str) -> None:
    """What a run does with its warehouse: it comes up, a statement runs, a result is staged, it goes."""
    target = yard.up(run)
    names = named(yard.warehouse)
    yard.start("select 1", f"{names.statements}step/one/1/0", target)
    yard.put(f"{names.staging}unload/part-000")
    yard.down(run)


def deaths(
    yard: Yard,
    gallows: Gallows,
    settings: dict[str, Any],
    *,
    every: int,
    say: Callable[[Reaped], None] = lambda _: None,
) -> int:
    """Kill a run after each of its calls (one of `every`), reap, and find nothing; how many deaths there were.

    `say` gets what each pass of the reaper found.
    """
    gallows.begin()
    yard.prepare(**settings)
    whole(yard, "run-0")
    calls = list(gallows.calls)
    creates = calls.index("cloudformation.CreateStack") + 1
    chosen = [number for number in range(1, len(calls) + 1) if number % every == 0 or abs(number - creates) < _NEAR]
    for number in chosen:
        gallows.begin(number)
        assert until_dead(lambda run=f"run-{number}": whole(yard, run)) or number == len(calls), number
        gallows.begin()
        yard.settle()
        yard.wait(31)
        for found in yard.reaped():
            say(found)
        left = yard.census()
        assert left == {}, f"killed after call {number}, {calls[number - 1]}: {left}"
    return len(chosen)
