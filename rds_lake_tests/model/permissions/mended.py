"""The statement that would end a denial, made from the decision alone: so tests see that a decision names the policy that lacks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.policy import PolicyType
from rds_lake.model.permissions.request import Principal, Request

_KEY = ":key/"


def missing_statement(request: Request, principal: Principal, decision: Decision) -> Mapping[str, Any] | None:
    """The statement, as JSON has it, that the lacking policy needs; None when the request is allowed or explicitly denied."""
    kind = decision.policy_type
    if decision.effect != "implicit deny" or kind is None:
        return None
    found: dict[str, Any] = {"Effect": "Allow"}
    if kind.names_principals:
        found["Principal"] = _principal(principal)
    found["Action"] = request.action
    if kind is not PolicyType.TRUST:
        in_key_policy = (
            kind is PolicyType.RESOURCE and request.action.lower().startswith("kms:") and _KEY in request.resource
        )
        found["Resource"] = "*" if in_key_policy else request.resource
    return found


def _principal(principal: Principal) -> str | Mapping[str, str]:
    if principal.service:
        return {"Service": principal.arn}
    return {"AWS": principal.identity} if principal.account else "*"
