"""Pending faults: exports that fail, events that are lost, duplicated or late, calls that are throttled.

`POST /_local/faults` adds some, `GET /_local/faults` lists those that have not been used yet, a reset forgets them all.

What belongs here: the pending faults, and which operation each one hits. Bodies are parsed in `fault_bodies.py`; throttled calls
are answered in `throttling.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from rds_lake.localcloud.faults.kinds import (
    DynamoDbExportFault,
    EventFault,
    ExportFault,
    FaultLists,
    FirehoseFault,
    JobFault,
    LambdaFault,
    RedshiftFault,
    StackFault,
)

Json = dict[str, Any]
_Chanced = TypeVar("_Chanced", LambdaFault, FirehoseFault, RedshiftFault)
# Created without validation, which would require a fault.
_NO_EXPORT_FAULT = ExportFault.model_construct()
_NO_DYNAMODB_FAULT = DynamoDbExportFault.model_construct()
_NO_JOB_FAULT = JobFault.model_construct()
_NO_STACK_FAULT = StackFault.model_construct()


class Faults:
    """The pending faults. Every method is thread-safe."""

    def __init__(self, *, timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer) -> None:
        self._timer = timer
        self._pending = FaultLists()
        self._late: set[threading.Timer] = set()
        self._lock = threading.Lock()
        # Held while a late event is delivered: a reset waits for it, so that no event arrives after the reset.
        self._delivering = threading.Lock()

    def add(self, faults: FaultLists) -> None:
        """Add faults, all in one step."""
        with self._lock:
            for name in FaultLists.model_fields:
                getattr(self._pending, name).extend(getattr(faults, name))

    def shown(self) -> Json:
        """Returns the pending faults, as `GET /_local/faults` shows them; `delayed`: the number of events to be sent later."""
        with self._lock:
            shown = {
                name: [fault.shown() for fault in getattr(self._pending, name)] for name in FaultLists.model_fields
            }
            rare = ("dynamodb_exports", "glue_jobs", "deny", "stacks", "lambdas", "firehose", "redshift")
            return {name: faults for name, faults in shown.items() if faults or name not in rare} | {
                "delayed": len(self._late)
            }

    def reset(self) -> None:
        """Remove all faults and delayed events."""
        with self._delivering, self._lock:
            late, self._late = self._late, set()
            self._pending = FaultLists()
        for timer in late:
            timer.cancel()

    def next_export(self) -> ExportFault:
        """Returns the fault of the export task that starts now."""
        with self._lock:
            return self._pending.exports.pop(0) if self._pending.exports else _NO_EXPORT_FAULT

    def next_dynamodb_export(self) -> DynamoDbExportFault:
        """Returns the fault of the DynamoDB export that starts now."""
        with self._lock:
            pending = self._pending.dynamodb_exports
            return pending.pop(0) if pending else _NO_DYNAMODB_FAULT

    def next_job(self) -> JobFault:
        """Returns the fault of the Glue job's run that starts now."""
        with self._lock:
            return self._pending.glue_jobs.pop(0) if self._pending.glue_jobs else _NO_JOB_FAULT

    def next_stack(self, stack: str, resource: str, action: str) -> StackFault:
        """Returns the fault of the stack's resource that is created, updated or deleted now."""
        with self._lock:
            for fault in self._pending.stacks:
                chosen = fault.stack in (None, stack) and fault.action in (None, action)
                if fault.resource == resource and chosen:
                    self._pending.stacks.remove(fault)
                    return fault
        return _NO_STACK_FAULT

    def of_lambda(self, function: str, effect: str) -> LambdaFault | None:
        """Returns the fault with this effect (`lose_percent`) that hits a function's invocation now, or None."""
        return self._struck(self._pending.lambdas, effect, lambda fault: fault.function in (None, function))

    def of_firehose(self, stream: str, effect: str) -> FirehoseFault | None:
        """Returns the fault with this effect (`refuse_percent`) that hits a stream's record now, or None."""
        return self._struck(self._pending.firehose, effect, lambda fault: fault.stream in (None, stream))

    def of_redshift(self, statement: str, effect: str) -> RedshiftFault | None:
        """Returns the fault with this effect (`fail`) that hits a statement with this name now, or None."""
        return self._struck(self._pending.redshift, effect, lambda fault: statement.startswith(fault.name or ""))

    def _struck(self, pending: list[_Chanced], effect: str, about: Callable[[_Chanced], bool]) -> _Chanced | None:
        """Returns the first of the faults, if it hits now. A fault for a number of calls is removed after that number, hit or not."""
        if not pending:
            return None
        with self._lock:
            for fault in pending:
                if effect in fault.model_fields_set and about(fault):
                    value = getattr(fault, effect)
                    struck = fault.strikes(value if effect.endswith("_percent") else 100)
                    if fault.spend():
                        pending.remove(fault)
                    return fault if struck else None
        return None

    def throttled(self, service: str, operation: str) -> str | None:
        """Returns the error code for the present call, or None."""
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

    def denied(self, action: str, resource: str) -> bool:
        """Whether a fault denies this permission now (`s3:GetObject`, an ARN)."""
        if not self._pending.deny:
            return False
        with self._lock:
            for fault in self._pending.deny:
                if fault.strikes(action, resource):
                    if fault.times is not None:
                        fault.times -= 1
                        if not fault.times:
                            self._pending.deny.remove(fault)
                    return True
        return False

    @property
    def denies(self) -> bool:
        """Whether any permission is to be denied."""
        return bool(self._pending.deny)

    def lift_denials(self) -> None:
        """Remove all denials."""
        with self._lock:
            self._pending.deny = []

    def route(self, name: str, send: Callable[[], None]) -> None:
        """Send an event, unless a fault loses, doubles or delays it. `name`: what a fault's `match` is compared with."""
        fault = self._event_fault(name)
        if fault is None:
            send()
        elif fault.action == "double":
            send()
            send()
        elif fault.action == "delay":
            self._send_late(fault.seconds or 0, send)

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
