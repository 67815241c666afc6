"""Faults on request: exports that end badly, events that are lost, doubled or late, calls that are throttled.

`POST /_local/faults` adds some, `GET /_local/faults` lists those that have not struck yet, a reset forgets them all.

What belongs here: what is pending, and who gets it next. Bodies are read in `fault_bodies.py`; throttling's answers are
`throttling.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFault:
    """How one export task ends otherwise: at most one of these."""

    fail: str | None = None
    skip_tables: tuple[str, ...] = ()
    stuck: bool = False
    cancel: bool = False

    def shown(self) -> Json:
        """As it was asked for."""
        if self.skip_tables:
            return {"skip_tables": list(self.skip_tables)}
        return {"fail": self.fail} if self.fail else {"stuck": True} if self.stuck else {"cancel": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbExportFault:
    """How one export of a DynamoDB table ends otherwise: at most one of these. `code` and `message`: it is FAILED.

    A missing or damaged file is the one with most items, and the export is COMPLETED all the same.
    """

    code: str | None = None
    message: str = ""
    stuck: bool = False
    missing_file: bool = False
    damaged_file: bool = False

    def shown(self) -> Json:
        """As it was asked for."""
        if self.code:
            return {"fail": self.message, "code": self.code}
        names = ("stuck", "missing_file", "damaged_file")
        return {name: True for name in names if getattr(self, name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFault:
    """How one run of a Glue job ends without having done anything: in `state`, or never."""

    state: str | None = None
    message: str = ""
    stuck: bool = False

    def shown(self) -> Json:
        """As it was asked for."""
        return {"stuck": True} if self.stuck else {"end": self.state, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFault:
    """What becomes of one event: drop, double or delay. `match`: its EventID, or the state of a Backup job."""

    action: str
    seconds: float = 0.0
    match: str | None = None

    def shown(self) -> Json:
        """As it was asked for."""
        seconds = {"seconds": self.seconds} if self.action == "delay" else {}
        return {"action": self.action} | seconds | ({"match": self.match} if self.match else {})


@dataclass(slots=True, kw_only=True)
class Throttle:
    """The next `calls` calls of an operation are refused."""

    service: str
    operation: str
    calls: int
    code: str

    def shown(self) -> Json:
        """As it was asked for, with the calls that are left."""
        return {"service": self.service, "operation": self.operation, "calls": self.calls, "code": self.code}


@dataclass(slots=True, kw_only=True)
class FaultLists:
    """Faults in the order in which they strike."""

    exports: list[ExportFault]
    events: list[EventFault]
    throttle: list[Throttle]
    dynamodb_exports: list[DynamoDbExportFault]
    glue_jobs: list[JobFault]

    @classmethod
    def empty(cls) -> FaultLists:
        return cls(exports=[], events=[], throttle=[], dynamodb_exports=[], glue_jobs=[])


class Faults:
    """The faults that are pending. Every method may be called from any thread."""

    def __init__(self, *, timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer) -> None:
        self._timer = timer
        self._pending = FaultLists.empty()
        self._late: set[threading.Timer] = set()
        self._lock = threading.Lock()
        # Held while a late event is delivered: a reset waits for it, so that none arrives after.
        self._delivering = threading.Lock()

    def add(self, faults: FaultLists) -> None:
        """Append to what is pending, all at once."""
        with self._lock:
            self._pending.exports += faults.exports
            self._pending.events += faults.events
            self._pending.throttle += faults.throttle
            self._pending.dynamodb_exports += faults.dynamodb_exports
            self._pending.glue_jobs += faults.glue_jobs

    def shown(self) -> Json:
        """What is pending; `delayed` counts the events that are under way."""
        with self._lock:
            rarer = {
                "dynamodb_exports": [fault.shown() for fault in self._pending.dynamodb_exports],
                "glue_jobs": [fault.shown() for fault in self._pending.glue_jobs],
            }
            return {
                "exports": [fault.shown() for fault in self._pending.exports],
                "events": [fault.shown() for fault in self._pending.events],
                "throttle": [fault.shown() for fault in self._pending.throttle],
                "delayed": len(self._late),
            } | {name: pending for name, pending in rarer.items() if pending}

    def reset(self) -> None:
        """Forget everything, late events too."""
        with self._delivering, self._lock:
            late, self._late = self._late, set()
            self._pending = FaultLists.empty()
        for timer in late:
            timer.cancel()

    def next_export(self) -> ExportFault:
        """What happens to the export task that starts now."""
        with self._lock:
            return self._pending.exports.pop(0) if self._pending.exports else ExportFault()

    def next_dynamodb_export(self) -> DynamoDbExportFault:
        """What happens to the export of a DynamoDB table that starts now."""
        with self._lock:
            pending = self._pending.dynamodb_exports
            return pending.pop(0) if pending else DynamoDbExportFault()

    def next_job(self) -> JobFault:
        """What happens to the run of a Glue job that starts now."""
        with self._lock:
            return self._pending.glue_jobs.pop(0) if self._pending.glue_jobs else JobFault()

    def throttled(self, service: str, operation: str) -> str | None:
        """The error code of the call that is made now; None lets it pass."""
        with self._lock:
            for fault in self._pending.throttle:
                if (fault.service, fault.operation) == (service, operation):
                    fault.calls -= 1
                    if not fault.calls:
                        self._pending.throttle.remove(fault)
                    return fault.code
        return None

    @property
    def throttles(self) -> bool:
        """Whether any call is to be throttled."""
        return bool(self._pending.throttle)

    def route(self, name: str, send: Callable[[], None]) -> None:
        """Send an event, unless a fault has it otherwise."""
        fault = self._event_fault(name)
        if fault is None:
            send()
        elif fault.action == "double":
            send()
            send()
        elif fault.action == "delay":
            self._send_late(fault.seconds, send)

    def _event_fault(self, name: str) -> EventFault | None:
        with self._lock:
            for fault in self._pending.events:
                if fault.match in (None, name):
                    self._pending.events.remove(fault)
                    return fault
        return None

    def _send_late(self, seconds: float, send: Callable[[], None]) -> None:
        def deliver() -> None:
            with self._delivering:
                with self._lock:
                    if timer not in self._late:
                        return
                    self._late.discard(timer)
                send()

        timer = self._timer(seconds, deliver)
        timer.daemon = True
        with self._lock:
            self._late.add(timer)
        timer.start()
