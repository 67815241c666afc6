"""A policy as values: statements with the reason for each, and the JSON that IAM takes.

What belongs here: the shape of a policy, and its size as IAM counts it. Which statements a role needs is decided by the other
files of this folder; what becomes of a policy that is too long, by `widen.py`.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Characters of a document, white space not counted: of a managed policy, and of all inline policies of a role together.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_LIMIT = 6_144
INLINE_LIMIT = 10_240

_PARAMETER = re.compile(r"\$\{([^}]*)\}")
_LONGEST = {"AWS::Partition": 10, "AWS::Region": 14, "AWS::AccountId": 12}
_ARN_LENGTH = 120  # what `${Key.Arn}` stands for: the ARN of a role with a long name

Condition = Mapping[str, Mapping[str, str | tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An ARN, or a pattern of ARNs. `name` is the part that may be replaced by a shorter pattern; empty: none may.

    arn:aws:rds:us-east-1:111122223333:snapshot:rds:shop-prod-????-??-??-??-??
    └──────────────────── stem ────────────────────┘└────────── name ────────┘
    """

    stem: str
    name: str = ""

    @property
    def arn(self) -> str:
        return self.stem + self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is allowed, on what, and why. `reason` is for people: it is not a part of the document."""

    sid: str
    reason: str
    actions: tuple[str, ...]
    resources: tuple[Resource, ...]
    conditions: Condition = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The statement as IAM takes it. Actions and resources are always lists, sorted."""
        rendered: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(set(self.actions)),
            "Resource": sorted({resource.arn for resource in self.resources}),
        }
        if self.conditions:
            rendered["Condition"] = {
                operator: {key: value if isinstance(value, str) else list(value) for key, value in keys.items()}
                for operator, keys in self.conditions.items()
            }
        return rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """A policy. `widened`: a sentence for each pattern that took the place of exact names, as they would not have fitted."""

    statements: tuple[Statement, ...]
    widened: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The document as IAM takes it: `{"Version": …, "Statement": [{"Sid", "Effect", "Action", "Resource", "Condition"?}]}`."""
        return {"Version": "2012-10-17", "Statement": [statement.as_dict() for statement in self.statements]}

    @property
    def characters(self) -> int:
        """Its length as IAM counts it: without white space."""
        return counted(json.dumps(self.as_dict(), separators=(",", ":"), ensure_ascii=False))


def counted(text: str) -> int:
    """Its characters once a template's parameters are filled in, of which the longest values count."""
    return len(_PARAMETER.sub(lambda match: "x" * _LONGEST.get(match[1], _ARN_LENGTH), text))


def fixed(*arns: str) -> tuple[Resource, ...]:
    """ARNs that are never replaced by a wider pattern."""
    return tuple(Resource(stem=arn) for arn in arns)


def anything() -> tuple[Resource, ...]:
    """`*`: only for actions for which IAM knows no resource."""
    return fixed("*")


def trust(service: str) -> dict[str, Any]:
    """The policy that lets a service of AWS assume a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
