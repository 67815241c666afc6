"""Decides whether a caller may do something: for the gate on each request, and for services that act for a caller.

refusal = permissions.refusal(principal, Need(action="s3:PutObject", resource="arn:aws:s3:::lake/exports/x"), asked)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import LocalCloudApp
from rds_lake.localcloud.permissions.callers import ROOT, Callers
from rds_lake.localcloud.permissions.decisions import Decisions, Recorded
from rds_lake.localcloud.permissions.denials import sentence
from rds_lake.localcloud.permissions.needs import Need
from rds_lake.localcloud.permissions.remembered import Remembered
from rds_lake.localcloud.permissions.resource_policies import ResourcePolicies
from rds_lake.localcloud.permissions.stored import Stored
from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.policy import PolicyType
from rds_lake.model.permissions.request import Principal, Request

_FAULT = "deny fault"
_DIRECTLY = {"aws:SecureTransport": ("true",), "aws:SourceIp": ("127.0.0.1",), "aws:ViaAWSService": ("false",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The operation that needs a right: `s3.GetObject`, in which Region. `via`: the service that acts for the principal."""

    operation: str
    region: str = REGION
    via: str = ""


class NotAuthorizedError(Exception):
    """A right is missing. The text is AWS's: User: … is not authorized to perform: … on resource: … because …"""


class Permissions:
    """Decides, and records what it decided. Every method may be called from any thread."""

    def __init__(
        self, app: LocalCloudApp, faults: Faults, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._faults = faults
        self._now = now
        self.stored = Stored()
        self.callers = Callers(now)
        self.decisions = Decisions(app)
        self._policies = ResourcePolicies(self.stored, self.callers)
        self._remembered = Remembered()

    def reset(self) -> None:
        """Forget keys and decisions."""
        self._remembered.reset()
        self.callers.reset()
        self.decisions.reset()

    @property
    def watches_root(self) -> bool:
        """Whether requests of keys like root's have to be checked: for the record, or for a fault."""
        return self.decisions.record_all or self._faults.denies

    def require(self, principal: Principal | None, need: Need, asked: Asked) -> None:
        """NotAuthorizedError unless the principal has the right. None is a caller like root."""
        refusal = self.refusal(principal, need, asked)
        if refusal is not None:
            raise NotAuthorizedError(refusal)

    def refusal(self, principal: Principal | None, need: Need, asked: Asked) -> str | None:
        """Returns AWS's sentence if the right is missing, else None."""
        if principal is None and not self.watches_root:
            return None
        who, now, aliases = principal or ROOT, self._now(), self._aliases(need)
        decision = self._decide(who, need, asked, aliases, now)
        if principal is not None or self.decisions.record_all:
            self.decisions.add(functools.partial(_recorded, who, need, asked, aliases, decision, now))
        return None if decision.allowed else sentence(_request(who, need, asked, aliases, now), who, decision)

    def _aliases(self, need: Need) -> tuple[str, ...]:
        """Returns the aliases of the key, a condition key of every request about a key.

        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-resource-aliases
        """
        about_key = need.action.startswith("kms:") and ":key/" in need.resource
        return self.stored.aliases(need.resource) if about_key else ()

    def _decide(self, who: Principal, need: Need, asked: Asked, aliases: tuple[str, ...], now: datetime) -> Decision:
        if self._faults.denied(need.action, need.resource):
            reason = f"because no identity-based policy allows the {need.action} action"
            return Decision(effect="implicit deny", statement=_FAULT, reason=reason, policy_type=PolicyType.IDENTITY)
        if who is ROOT:
            return Decision(effect="allow", statement="the account's root user")
        policy, grants = self._policies.find(need.action, need.resource), self._policies.grants(need.resource)
        # Everything that the context depends on, except the time.
        depends = (need.action, need.resource, asked.region, asked.via, tuple(need.context.items()), aliases)
        known = None if grants else self._remembered.find(who, policy, depends)
        if known is not None:
            return known
        request = _request(who, need, asked, aliases, now)
        return self._remembered.decide(request, who, policy, grants, depends)


def _request(who: Principal, need: Need, asked: Asked, aliases: tuple[str, ...], now: datetime) -> Request:
    of_key = {"kms:ResourceAliases": aliases} if aliases else {}
    context = {**_context(need, asked, now), **of_key}
    return Request(action=need.action, resource=need.resource, account=_owner(need.resource), context=context)


def _context(need: Need, asked: Asked, now: datetime) -> dict[str, tuple[str, ...]]:
    """Returns the condition keys that AWS has in each request. The local cloud uses HTTP, but reports HTTPS."""
    return {
        "aws:RequestedRegion": (asked.region,),
        **_DIRECTLY,
        **({"aws:ViaAWSService": ("true",), "aws:CalledVia": (asked.via,)} if asked.via else {}),
        **_times(int(now.timestamp())),
        **need.context,
    }


@functools.lru_cache(maxsize=8)
def _times(seconds: int) -> dict[str, tuple[str, ...]]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return {"aws:CurrentTime": (f"{moment:%Y-%m-%dT%H:%M:%SZ}",), "aws:EpochTime": (str(seconds),)}


def _recorded(
    who: Principal, need: Need, asked: Asked, aliases: tuple[str, ...], decision: Decision, now: datetime
) -> Recorded:
    return Recorded(
        time=now,
        principal=who.arn,
        action=need.action,
        resource=need.resource,
        context=_request(who, need, asked, aliases, now).context,
        effect=decision.effect,
        statement=decision.statement,
        operation=asked.operation,
        via=asked.via,
    )


def _owner(resource: str) -> str:
    """Returns the account of a resource; S3's ARNs have none, and everything here belongs to the one account."""
    parts = resource.split(":", 5)
    return parts[4] if len(parts) > 4 and parts[4].isdigit() else ACCOUNT
