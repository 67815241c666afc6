"""Throttles calls: answers them with AWS's error.

Only requests over HTTP are counted: calls that the local cloud makes to itself never reach this gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.faults.operations import called_operation
from rds_lake.localcloud.http.app import StartResponse, request_context
from rds_lake.localcloud.http.models import service_model, service_of
from rds_lake.localcloud.http.refusals import refuse

_SLOW_DOWN = ("Please reduce your request rate.", "503 Slow Down")
_CAPACITY_MESSAGES = {
    "ProvisionedThroughputExceededException": "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API.",
}
# The control API is not AWS's.
_CONTROL = ("/_local/", "/moto-api/")


class ThrottleGate:
    """A WSGI middleware that refuses the calls that are to be throttled."""

    def __init__(self, app: Callable[..., Iterable[bytes]], faults: Faults) -> None:
        self._app = app
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if not self._faults.throttles or environ.get("PATH_INFO", "").startswith(_CONTROL):
            return self._app(environ, start)
        signed_as = request_context(environ).service
        code = self._faults.throttled(service_of(signed_as), called_operation(signed_as, environ))
        if code is None:
            return self._app(environ, start)
        return throttle(signed_as, code, environ, start)


def throttle(signed_as: str, code: str, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    """Answer a request with AWS's throttling error, in the protocol of its service."""
    message, status = "Rate exceeded", "400 Bad Request"
    if service_model(service_of(signed_as)).protocol == "rest-xml":
        message, status = _SLOW_DOWN
    return refuse(signed_as, code, environ, start, message=_CAPACITY_MESSAGES.get(code, message), status=status)
