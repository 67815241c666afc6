"""A worker that is dead after its n-th call to AWS, as SIGKILL leaves it: the call was made, and nothing after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.faults.operations import called_operation
from rds_lake.localcloud.http.app import request_context


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
