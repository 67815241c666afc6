"""Each recorded call against the policy without one statement, action or resource: what would break, and what nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.localcloud.permissions.decisions import Recorded
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import evaluate
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal, Request
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT

Json = Mapping[str, Any]
_VERSION = {"Version": "2012-10-17"}
# A key's own policy must let the account's policies count, as AWS's default does.
_KEY = parse_policy(
    _VERSION
    | {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    },
    name="key",
    kind=PolicyType.RESOURCE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a role's policy: a whole statement, or one `action` or `resource` of it."""

    role: str
    sid: str
    element: str = ""

    def __str__(self) -> str:
        return f"{self.role} {self.sid} {self.element}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A recorded decision, and the step of the journey in which it came first."""

    step: str
    decision: Recorded

    @property
    def role(self) -> str:
        return self.decision.principal.split("/")[1] if "/" in self.decision.principal else ""

    def __str__(self) -> str:
        one = self.decision
        return f"{self.step}: {one.operation} needs {one.action} on {one.resource}"


def distinct(steps: Mapping[str, Iterable[Recorded]]) -> list[Call]:
    """Every call once, however often it was made."""
    found: dict[Any, Call] = {}
    for step, decisions in steps.items():
        for one in decisions:
            context = tuple(sorted((key, values) for key, values in one.context.items() if key not in _ALWAYS_OTHER))
            found.setdefault((one.principal, one.action, one.resource, context), Call(step=step, decision=one))
    return list(found.values())


_ALWAYS_OTHER = {"aws:CurrentTime", "aws:EpochTime"}


def allowed(call: Call, *policies: Policy) -> bool:
    """Whether a principal with these policies may make the call."""
    one = call.decision
    request = Request(action=one.action, resource=one.resource, context=one.context, account=ACCOUNT)
    principal = Principal(arn=one.principal, account=ACCOUNT, policies=policies)
    return evaluate(request, principal, resource_policy=_KEY if one.action.startswith("kms:") else None).allowed


def parsed(*statements: Json) -> tuple[Policy, ...]:
    """A policy of these statements; none is no policy."""
    return (parse_policy(_VERSION | {"Statement": list(statements)}, name="replayed"),) if statements else ()


def hanging(role: str, document: PolicyDocument, calls: Iterable[Call]) -> dict[str, list[Call]]:
    """By each statement's Sid the calls that it alone allows: what others allow too breaks without no part of it."""
    own = [call for call in calls if call.role == role]
    statements = document.as_dict()["Statement"]
    found: dict[str, list[Call]] = {}
    for at, statement in enumerate(statements):
        alone, rest = parsed(statement), parsed(*statements[:at], *statements[at + 1 :])
        found[statement["Sid"]] = [call for call in own if allowed(call, *alone) and not allowed(call, *rest)]
    return found


def needs(role: str, document: PolicyDocument, calls: Iterable[Call]) -> dict[Part, Call | None]:
    """By each part of the role's policy a call that is refused without it; None where no call is."""
    found: dict[Part, Call | None] = {}
    by_statement = hanging(role, document, calls)
    for statement in document.as_dict()["Statement"]:
        for element, weaker in _weakened(statement):
            policies = parsed(*weaker)
            part = Part(role=role, sid=statement["Sid"], element=element)
            found[part] = next((call for call in by_statement[part.sid] if not allowed(call, *policies)), None)
    return found


def _weakened(statement: Json) -> Iterator[tuple[str, list[Json]]]:
    """What is taken away, and what is left of the statement."""
    yield "", []
    for key in ("Action", "Resource"):
        for value in statement[key]:
            left = [other for other in statement[key] if other != value]
            yield value, [{**statement, key: left}] if left else []
