"""A service of the local cloud that acts for a principal: for a caller (Athena, DynamoDB), or as a role (RDS's exports, Glue).

acting = actors.acting(principal, via="athena.amazonaws.com")
acting.clients.client("s3").put_object(…)             # refused with AccessDenied, as the principal would be
acting.require("glue", "GetDatabase", Name="default")  # a check of AWS without a call in the local cloud
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.authorizer import Asked, NotAuthorizedError, Permissions
from rds_lake.localcloud.permissions.gate import Actor
from rds_lake.localcloud.permissions.needs import Call, Need
from rds_lake.localcloud.permissions.table.all import OPERATIONS
from rds_lake.model.permissions.request import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """One principal, and clients that call with its permissions. `principal` None: a caller like root."""

    permissions: Permissions
    principal: Principal | None
    clients: InProcessClients
    via: str
    region: str

    def require(self, service: str, operation: str, /, **params: Any) -> None:
        """NotAuthorizedError unless the principal may call the operation with these parameters; nothing is called."""
        for need, asked in self._needs(service, operation, params):
            self.permissions.require(self.principal, need, asked)

    def refused(self, service: str, operation: str, /, **params: Any) -> str | None:
        """Returns AWS's sentence if the principal may not call the operation, else None."""
        try:
            self.require(service, operation, **params)
        except NotAuthorizedError as error:
            return str(error)
        return None

    def _needs(self, service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[Need, Asked]]:
        asked = Asked(operation=f"{service}.{operation}", region=self.region, via=self.via)
        call = Call(
            service=service,
            operation=operation,
            params=params,
            region=self.region,
            account=ACCOUNT,
            stored=self.permissions.stored,
        )
        return ((need, asked) for need in OPERATIONS[service][operation](call))


class Actors:
    """Creates services that act for principals. All services of a local cloud share one."""

    def __init__(self, app: LocalCloudApp, permissions: Permissions, clients: InProcessClients) -> None:
        self._app = app
        self.permissions = permissions
        self._clients = clients

    def caller(self, context: RequestContext) -> Principal | None:
        """Returns who sent a request; None for a key like root's."""
        return self.permissions.callers.find(context.key)

    def acting(self, principal: Principal | None, *, via: str = "", region: str = REGION) -> Acting:
        """Returns a service that acts for a principal. `via`: the service, as conditions name it."""
        before = Actor(self._app, self.permissions, principal, via=via)
        return Acting(
            permissions=self.permissions,
            principal=principal,
            clients=self._clients.through(before),
            via=via,
            region=region,
        )

    def in_role(self, caller: Principal | None, role: str, session: str) -> Acting:
        """Returns a service as a role that a caller has passed to it. For a caller like root, the role's policies are not checked."""
        return self.acting(self.permissions.callers.session(role, session) if caller else None)

    def as_service_role(self, caller: Principal | None, role: str, session: str) -> Acting:
        """Returns a service as an existing role, whose policies are always checked; else as `in_role`."""
        known = self.permissions.callers.role(role) is not None
        return (
            self.acting(self.permissions.callers.session(role, session))
            if known
            else self.in_role(caller, role, session)
        )

    def may_assume(self, caller: Principal | None, role: str, service: str) -> bool:
        """Whether the role's trust policy allows a service (`glue.amazonaws.com`). Always true for a caller like root."""
        if caller is None:
            return True
        need = Need(action="sts:AssumeRole", resource=role, context={"aws:SourceAccount": (ACCOUNT,)})
        who = Principal(arn=service, account="", service=True)
        return self.permissions.refusal(who, need, Asked(operation="sts.AssumeRole")) is None


def words(error: ClientError | NotAuthorizedError) -> str | None:
    """Returns AWS's sentence of a refusal for a missing permission; None for another error."""
    if isinstance(error, NotAuthorizedError):
        return str(error)
    details = error.response.get("Error", {})
    # An answer to HEAD has no body.
    return details.get("Message") if details.get("Code", "").startswith(("AccessDenied", "403")) else None
