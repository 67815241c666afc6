"""A database's calls of Lambda and their answers, with the rights of the role that is associated with the database."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.account import REGION
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.lambdas.service import Invoked, Lambdas
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.permissions.table.streams import function_name


class CallFailedError(Exception):
    """The call did not reach the function; the text is the error of AWS's client."""


class FunctionFailedError(Exception):
    """The function ran and failed. The text has its ARN and its answer."""

    def __init__(self, arn: str, payload: Any) -> None:
        super().__init__(f'"{arn}" returned error "Unhandled", details: "{json.dumps(payload)}".')


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCall:
    """One call. `database`: identifier of the instance or cluster. `function`: name or ARN. `payload`: JSON."""

    database: str
    function: str
    payload: str
    kind: str = "RequestResponse"
    region: str | None = None
    qualifier: str | None = None


class DatabaseCalls:
    """Passes calls of databases to Lambda. Every method may be called from any thread."""

    def __init__(self, lambdas: Lambdas, faults: Faults, actors: Actors) -> None:
        self._lambdas, self._faults, self._actors = lambdas, faults, actors
        self._roles: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def associate(self, database: str, role: str | None) -> None:
        """Let a database call functions as a role (its ARN); None: with all rights."""
        with self._lock:
            self._roles[database] = role

    def make(self, call: DatabaseCall) -> Invoked:
        """Returns the answer, or raises CallFailedError or FunctionFailedError."""
        name, region = function_name({"FunctionName": call.function}), call.region or _region_of(call.function)
        if fault := self._faults.of_lambda(name, "unreachable"):
            raise CallFailedError(fault.unreachable)
        self._check_role(call, region)
        try:
            invoked = self._lambdas.invoke(
                call.function, call.payload.encode(), kind=call.kind, region=region, qualifier=call.qualifier
            )
        except ApiError as error:
            raise CallFailedError(error.message) from error
        if invoked.outcome is not None and invoked.outcome.error:
            raise FunctionFailedError(call.function, invoked.outcome.payload)
        return invoked

    def _check_role(self, call: DatabaseCall, region: str) -> None:
        with self._lock:
            role = self._roles.get(call.database)
        if role is None:
            return
        acting = self._actors.as_service_role(None, role, call.database)
        refused = acting.refused("lambda", "Invoke", FunctionName=call.function)
        if refused is not None:
            raise CallFailedError(refused)


def _region_of(function: str) -> str:
    """Returns the Region in an ARN; the local cloud's own for a plain name."""
    return function.split(":")[3] if function.startswith("arn:") else REGION
