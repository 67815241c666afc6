"""The layer of the local cloud that authorises each request for its caller; its requests to itself do not pass this layer.

An operation without known rights (`table/all.py`) is refused, so that a run without errors proves that all its rights suffice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from rds_lake.localcloud.faults.operations import called_operation
from rds_lake.localcloud.http.app import StartResponse, request_context
from rds_lake.localcloud.http.models import service_of
from rds_lake.localcloud.http.refusals import refuse
from rds_lake.localcloud.permissions.authorizer import Asked, Permissions
from rds_lake.localcloud.permissions.callers import BadKeyError
from rds_lake.localcloud.permissions.calls import in_path, read_call
from rds_lake.localcloud.permissions.deleting import delete_permitted
from rds_lake.localcloud.permissions.denials import bad_key, denied
from rds_lake.localcloud.permissions.table.all import OPERATIONS
from rds_lake.model.permissions.policy import PolicyError
from rds_lake.model.permissions.request import Principal

# The control API is not AWS's.
_CONTROL = ("/_local/", "/moto-api/")
App = Callable[..., Iterable[bytes]]
Json = dict[str, Any]


class PermissionGate:
    """A WSGI middleware that refuses requests which the caller's key may not make."""

    def __init__(self, app: App, permissions: Permissions) -> None:
        self._app = app
        self._permissions = permissions

    def __call__(self, environ: Json, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(_CONTROL):
            return self._app(environ, start)
        context = request_context(environ)
        signed_as = context.service
        try:
            principal = self._permissions.callers.find(context.key)
            if principal is None and not self._permissions.watches_root:
                return self._app(environ, start)
            return Actor(self._app, self._permissions, principal)(environ, start)
        except BadKeyError as error:
            code, message, status = bad_key(signed_as, expired=error.expired)
        except PolicyError as error:
            code, message, status = "MalformedPolicyDocument", str(error), "400 Bad Request"
        return refuse(signed_as, code, environ, start, message=message, status=status)


@functools.lru_cache(maxsize=1024)
def _asked(service: str, operation: str, region: str, via: str) -> Asked:
    return Asked(operation=f"{service}.{operation}", region=region, via=via)


class Actor:
    """A WSGI middleware for requests of one principal. `via`: the service that makes them for it."""

    def __init__(self, app: App, permissions: Permissions, principal: Principal | None, *, via: str = "") -> None:
        self._app = app
        self._permissions = permissions
        self._principal = principal
        self._via = via

    def __call__(self, environ: Json, start: StartResponse) -> Iterable[bytes]:
        if self._principal is None and not self._permissions.watches_root:
            return self._app(environ, start)
        context = request_context(environ)
        service = service_of(context.service)
        placed = in_path(environ) if service == "s3" else environ
        operation = called_operation(context.service, placed)
        rule = OPERATIONS.get(service, {}).get(operation)
        if rule is None:
            return self._unknown(service, operation, environ, start)
        call = read_call(placed, context, service=service, operation=operation, stored=self._permissions.stored)
        environ["wsgi.input"] = placed["wsgi.input"]
        asked = _asked(service, operation, context.region, self._via)
        if operation == "DeleteObjects":
            return delete_permitted(self._app, environ, start, call, lambda need: self._refusal(need, asked))
        for need in rule(call):
            refusal = self._refusal(need, asked)
            if refusal is not None:
                code, status = denied(context.service)
                return refuse(context.service, code, environ, start, message=refusal, status=status)
        return self._app(environ, start)

    def _refusal(self, need: Any, asked: Asked) -> str | None:
        return self._permissions.refusal(self._principal, need, asked)

    def _unknown(self, service: str, operation: str, environ: Json, start: StartResponse) -> Iterable[bytes]:
        if self._principal is None:
            return self._app(environ, start)
        message = (
            f"The local cloud does not know which rights {service}.{operation or '(an operation it does not recognise)'} "
            "needs, and lets only keys without policies call it: add it to rds_lake/localcloud/permissions/table."
        )
        signed_as = request_context(environ).service
        return refuse(signed_as, "RightsNotKnown", environ, start, message=message, status="400 Bad Request")
