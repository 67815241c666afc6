"""Query executions: AWS's description of each, its states, and the limit of active ones. `service.py` runs them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from rds_lake.localcloud.athena.access import Access
from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.http.app import ApiError

ACTIVE = ("QUEUED", "RUNNING")
_TOO_MANY = (
    "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of "
    "concurrent queries submitted by this account. Contact customer support to request a concurrent query limit increase."
)
# AthenaError's types: general errors of a user's query and of the service itself.
_ERROR_TYPES = {1: 500, 2: 1006}


@dataclass(slots=True)
class Execution:
    """One query execution: AWS's description, and the local cloud's own data about it."""

    body: dict[str, Any]
    parameters: list[str]
    access: Access
    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    engine: Engine | None = None

    @property
    def id(self) -> str:
        return self.body["QueryExecutionId"]

    @property
    def state(self) -> str:
        return self.body["Status"]["State"]

    @property
    def kind(self) -> str:
        return self.body["StatementType"]

    @property
    def workgroup(self) -> str:
        return self.body["WorkGroup"]


class Executions:
    """All executions by id, safe between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[str, Execution] = {}
        self._tokens: dict[str, tuple[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def clear(self) -> list[Execution]:
        """Forget all executions; returns them."""
        with self._lock:
            known, self._by_id, self._tokens = list(self._by_id.values()), {}, {}
        return known

    def admit(self, request: dict[str, Any], make: Callable[[str], Execution], limit: int) -> tuple[Execution, bool]:
        """Returns a new execution, or the one of the same client token (then False). TooManyRequestsException at the limit.

        AWS counts running and queued queries together, DDL and DML apart.
        """
        token = request.get("ClientRequestToken")
        with self._lock:
            if token in self._tokens:
                known, earlier = self._tokens[token]
                if earlier != request:
                    raise ApiError("InvalidRequestException", "Idempotent parameters do not match")
                return self._by_id[known], False
            execution = make(str(uuid.uuid4()))
            is_dml = execution.kind == "DML"
            active = sum(e.state in ACTIVE and (e.kind == "DML") == is_dml for e in self._by_id.values())
            if active >= limit:
                raise ApiError("TooManyRequestsException", _TOO_MANY)
            self._by_id[execution.id] = execution
            if token is not None:
                self._tokens[token] = (execution.id, request)
            return execution, True

    def get(self, query_id: str) -> Execution:
        """Returns an execution. InvalidRequestException if it does not exist."""
        execution = self.find(query_id)
        if execution is None:
            raise ApiError("InvalidRequestException", f"QueryExecution {query_id} was not found")
        return execution

    def find(self, query_id: str) -> Execution | None:
        """Returns an execution; None if it does not exist."""
        return self._by_id.get(query_id)

    def show(self, execution: Execution) -> dict[str, Any]:
        """Returns the execution as GetQueryExecution returns it now."""
        with self._lock:
            return deepcopy(execution.body)

    def ids(self, workgroup: str) -> list[str]:
        """Returns a workgroup's executions, newest first."""
        with self._lock:
            return [execution.id for execution in reversed(self._by_id.values()) if execution.workgroup == workgroup]

    def begin(self, execution: Execution, engine: Engine | None = None) -> bool:
        """Move to RUNNING, with the engine that a stop has to interrupt; returns False if it was already stopped."""
        with self._lock:
            if execution.state not in ACTIVE:
                return False
            execution.body["Status"]["State"] = "RUNNING"
            execution.engine = engine
            return True

    def stop(self, execution: Execution) -> None:
        """Cancel an active execution and interrupt its engine; an ended execution is not changed."""
        with self._lock:
            if execution.state not in ACTIVE:
                return
            execution.body["Status"] |= {
                "State": "CANCELLED",
                "StateChangeReason": "Query cancelled by user",
                "CompletionDateTime": self._clock(),
            }
            if execution.engine is not None:
                execution.engine.cancel()

    def finish(self, execution: Execution, failure: QueryFailedError | None, statistics: dict[str, Any]) -> None:
        """Move to SUCCEEDED, or to FAILED with a reason; a cancelled query stays cancelled."""
        with self._lock:
            execution.engine = None
            execution.body["Statistics"] = statistics
            if execution.state not in ACTIVE:
                return
            status: dict[str, Any] = {"State": "SUCCEEDED", "CompletionDateTime": self._clock()}
            if failure is not None:
                status |= {"State": "FAILED", "StateChangeReason": str(failure), "AthenaError": _athena_error(failure)}
            execution.body["Status"] |= status


def _athena_error(failure: QueryFailedError) -> dict[str, Any]:
    return {
        "ErrorCategory": failure.category,
        "ErrorType": _ERROR_TYPES[failure.category],
        "Retryable": False,
        "ErrorMessage": str(failure),
    }
