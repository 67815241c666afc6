"""Lambda's operations that moto does not do completely: Invoke, and the settings of asynchronous invocations.

moto stores the functions (CreateFunction, UpdateFunctionCode and so on); `attempts.py` runs them.
`GET /_local/lambda` shows the results of events.

(https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.app import Answer, ApiError, LocalCloudApp, RestRequest
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.lambdas.attempts import Attempts, ThrottledError, new_request
from rds_lake.localcloud.lambdas.environment import Outcome
from rds_lake.localcloud.lambdas.functions import Function, find_function, forget_event_settings
from rds_lake.localcloud.lambdas.queue import Event, EventQueue
from rds_lake.localcloud.permissions.acting import Actors

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMITS = {"RequestResponse": 6_291_456, "Event": 1_048_576, "DryRun": 6_291_456}
_ANSWER_BYTES = 6_291_556
_LOG_TAIL = 4096
_SERVICE = "lambda.amazonaws.com"
_STATUSES = {200: "200 OK", 202: "202 Accepted", 204: "204 No Content"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaSettings:
    """`pauses`: seconds before the second and the third attempt. `environments`: of one function at most.
    `workers`: events that are attempted at the same time."""

    pauses: tuple[float, float] = (60.0, 120.0)
    environments: int = 2
    workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """The answer of an invocation: status, and for RequestResponse the function's answer."""

    status: int
    version: str
    outcome: Outcome | None = None


class Lambdas:
    """Functions and their events since the start or the last reset."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        clock: Clock,
        faults: Faults,
        actors: Actors,
        settings: LambdaSettings,
        *,
        url: Callable[[], str],
    ) -> None:
        self._clock, self._actors = clock, actors
        self._attempts = Attempts(clients, faults, url, most=settings.environments)
        self.queue = EventQueue(clock, faults, self._attempts, actors, pauses=settings.pauses, workers=settings.workers)
        operations = {
            "Invoke": self._invoke, "CreateFunction": self._create, "UpdateFunctionCode": self._update_code,
            "PutFunctionEventInvokeConfig": self._put_settings,
        }  # fmt: skip
        for name, operation in operations.items():
            app.rest_operations["lambda", name] = operation
        app.routes["GET", "/_local/lambda"] = lambda body: (200, self.queue.shown())

    def reset(self) -> None:
        """Forget all events and callables, and end the functions' processes."""
        self.queue.reset()
        self._attempts.reset()

    def close(self) -> None:
        """Reset, and end the threads."""
        self.queue.close()
        self._attempts.reset()

    def register(self, name: str, function: Callable[[Any, Any], Any]) -> None:
        """Use a callable of this process instead of the code of the function of this name, until a reset."""
        self._attempts.callables[name] = function

    def invoke(self, name: str, payload: bytes, *, kind: str, region: str, qualifier: str | None = None) -> Invoked:
        """Invoke a function. ApiError if AWS would refuse."""
        function = find_function(name, region, qualifier)
        if kind not in LIMITS:
            values = "[Event, RequestResponse, DryRun]"
            raise ApiError(
                "InvalidParameterValueException", f"Value '{kind}' at 'invocationType' must be one of {values}"
            )
        if len(payload) > LIMITS[kind]:
            raise ApiError(
                "RequestTooLargeException",
                f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {LIMITS[kind]} bytes)",
                413,
            )
        event = _parsed(payload)
        if kind == "DryRun":
            return Invoked(status=204, version=function.version)
        if kind == "Event":
            received = self._clock.now()
            self.queue.add(
                Event(function=function.name, region=region, payload=event, request=new_request(), received=received)
            )
            return Invoked(status=202, version=function.version)
        return Invoked(status=200, version=function.version, outcome=self._answer(function, event))

    def _answer(self, function: Function, event: Any) -> Outcome:
        try:
            outcome = self._attempts.invoke(function, event, new_request())
        except ThrottledError as error:
            raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429) from error
        if len(json.dumps(outcome.payload)) > _ANSWER_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({_ANSWER_BYTES} bytes)."
            payload = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
            return Outcome(payload=payload, error=True, log=outcome.log)
        return outcome

    def _invoke(self, request: RestRequest, moto: Callable[[], Answer]) -> Answer:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        name, qualifier = request.params["FunctionName"], request.params.get("Qualifier")
        invoked = self.invoke(name, request.body, kind=kind, region=request.context.region, qualifier=qualifier)
        headers = [("x-amzn-RequestId", new_request())]
        body = b""
        if invoked.outcome is not None:
            headers += [("X-Amz-Executed-Version", invoked.version), ("Content-Type", "application/json")]
            body = json.dumps(invoked.outcome.payload).encode()
            if invoked.outcome.error:
                headers.append(("X-Amz-Function-Error", "Unhandled"))
            if request.headers.get("x-amz-log-type") == "Tail":
                tail = base64.b64encode(invoked.outcome.log.encode()[-_LOG_TAIL:])
                headers.append(("X-Amz-Log-Result", tail.decode()))
        headers.append(("Content-Length", str(len(body))))
        return Answer(status=_STATUSES[invoked.status], headers=headers, body=body)

    def _create(self, request: RestRequest, moto: Callable[[], Answer]) -> Answer:
        role = str(request.params.get("Role", ""))
        if not self._actors.may_assume(self._actors.caller(request.context), role, _SERVICE):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise ApiError("InvalidParameterValueException", message)
        _check_code(request.params.get("Code") or {})
        return moto()

    def _update_code(self, request: RestRequest, moto: Callable[[], Answer]) -> Answer:
        _check_code(request.params)
        return moto()

    def _put_settings(self, request: RestRequest, moto: Callable[[], Answer]) -> Answer:
        """Replaces the present settings; moto keeps the first ones."""
        forget_event_settings(request.params["FunctionName"], request.context.region)
        return moto()


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from error


def _check_code(given: Json) -> None:
    """ApiError if AWS cannot unpack the uploaded code."""
    if "ZipFile" in given and not zipfile.is_zipfile(io.BytesIO(base64.b64decode(given["ZipFile"]))):
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise ApiError("InvalidParameterValueException", message)
