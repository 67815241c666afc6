"""A denial in AWS's words, and the change that would allow the request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal, Request, full_context

_KEY = ":key/"


def message(request: Request, principal: Principal, decision: Decision) -> str:
    """Returns AWS's sentence: `User: … is not authorized to perform: s3:GetObject on resource: … because …`."""
    return (
        f"User: {principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resource} {decision.reason}"
    )


def missing_statement(request: Request, principal: Principal, decision: Decision) -> Mapping[str, Any] | None:
    """Returns the statement, for JSON, that a policy lacks; None if the request is allowed or explicitly denied."""
    kind = decision.policy_type
    if decision.effect != "implicit deny" or kind is None:
        return None
    statement: dict[str, Any] = {"Effect": "Allow"}
    if kind.names_principals:
        statement["Principal"] = _principal(principal)
    statement["Action"] = request.action
    if kind is not PolicyType.TRUST:
        in_key_policy = (
            kind is PolicyType.RESOURCE and request.action.lower().startswith("kms:") and _KEY in request.resource
        )
        statement["Resource"] = "*" if in_key_policy else request.resource
    return statement


def advice(request: Request, principal: Principal, decision: Decision) -> str:
    """Returns a sentence that says what to change; empty if the request is allowed."""
    if decision.allowed:
        return ""
    statement = missing_statement(request, principal, decision)
    if statement is None:
        return f"Remove or narrow the statement {decision.statement!r}: no Allow outweighs it."
    of_resource = decision.policy_type is not None and decision.policy_type.names_principals
    owner = request.resource if of_resource else principal.identity
    return f"Add this statement to the {decision.policy_type} of {owner}: {json.dumps(statement)}"


def unmet_conditions(request: Request, principal: Principal, policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """Returns why statements of `policies` with this action and resource do not apply: a sentence per condition."""
    context = full_context(request, principal)
    return tuple(
        f"{statement.reference} {'allows' if statement.allows else 'denies'} it only if {test.operator} {test.key} is met; "
        f"the request has {', '.join(map(repr, context.get(test.key.lower(), ()))) or 'no such key'}"
        for policy in policies
        for statement in policy.statements
        if statement.names(request.action, request.resource, context)
        for test in statement.conditions
        if not test.holds(context)
    )


def _principal(principal: Principal) -> str | Mapping[str, str]:
    if principal.service:
        return {"Service": principal.arn}
    return {"AWS": principal.identity} if principal.account else "*"
