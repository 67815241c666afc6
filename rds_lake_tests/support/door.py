"""A second door to a local cloud: the same AWS on another port, where every call over HTTP is seen before it is made.

boto3 and the wire of `aws/s3/wire.py` come through it alike, retries included; what the local cloud asks of itself does not.
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.faults.operations import called_operation, default_code
from rds_lake.localcloud.faults.skew import ClockGate, utc_now
from rds_lake.localcloud.faults.throttling import throttle
from rds_lake.localcloud.http.app import StartResponse, read_body, request_context
from rds_lake.localcloud.http.server import Server

_READS = ("Get", "List", "Head", "Describe", "BatchGet", "Receive", "Scan", "Query")
_QUESTIONS = ("SELECT", "WITH", "SHOW", "DESCRIBE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: `glue`, `CreateTable`; `sql` of Athena's statements."""

    service: str
    operation: str
    sql: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes anything of the lake."""
        return not self.operation.startswith(_READS) and not self.sql.lstrip().upper().startswith(_QUESTIONS)


# An error code to refuse the call with, or None.
Rule = Callable[[Call], str | None]


@dataclass(slots=True)
class Door:
    """What came through: `calls` counts, `rules` may refuse. A rule that waits holds every other call meanwhile."""

    url: str
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: int = 0
    _written: threading.Condition = field(default_factory=threading.Condition)

    def count(self, service: str, *operations: str) -> int:
        """Calls of a service, of some operations or of all."""
        return sum(
            n for (name, call), n in self.calls.items() if name == service and (not operations or call in operations)
        )

    def judge(self, call: Call) -> str | None:
        with self._lock:
            self.calls[call.service, call.operation] += 1
            refused = next((code for rule in self.rules if (code := rule(call))), None)
            if refused is None:
                self._count_writing(call, 1)
            return refused

    def made(self, call: Call) -> None:
        """A call that was let through is answered."""
        self._count_writing(call, -1)

    def wait_for_writes(self) -> None:
        """Wait until every write that was let through is made."""
        with self._written:
            assert self._written.wait_for(lambda: self._writing == 0, timeout=60), (
                "a write was let through and never made"
            )

    def _count_writing(self, call: Call, change: int) -> None:
        with self._written:
            self._writing += change if call.is_write else 0
            self._written.notify_all()


@contextmanager
def open_door(cloud: LocalCloud, now: Callable[[], datetime] = utc_now) -> Iterator[Door]:
    """A door whose clock shows `now`."""

    def app(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        call = _call(environ)
        code = door.judge(call)
        if code is not None:
            return throttle(call.service, code, environ, start)
        try:
            return list(cloud.app(environ, start))
        finally:
            door.made(call)

    with Server(ClockGate(app, now)) as server:
        door = Door(url=server.url)
        yield door


def _call(environ: dict[str, Any]) -> Call:
    service = request_context(environ).service
    operation = called_operation(service, environ)
    sql = json.loads(read_body(environ))["QueryString"] if operation == "StartQueryExecution" else ""
    return Call(service=service, operation=operation, sql=sql)


def storm(share: float, *services: str, seed: int = 1) -> Rule:
    """Throttles that share of all calls of the services."""
    chosen = Random(seed)
    return lambda call: (
        default_code(call.service, call.operation) if call.service in services and chosen.random() < share else None
    )


def death(pid: Callable[[], int], *, before: int) -> Rule:
    """SIGKILL to the process before its n-th write arrives; nothing it sends after that arrives either."""
    writes = [0]

    def rule(call: Call) -> str | None:
        writes[0] += call.is_write
        if writes[0] < before:
            return None
        if writes[0] == before and call.is_write:
            os.kill(pid(), signal.SIGKILL)
        return default_code(call.service, call.operation)

    return rule
