"""A policy as values: statements with the reason for each, and the JSON for IAM.

What belongs here: the form of a policy, and its size as IAM counts it. The other files of this folder decide which statements a
role needs; `widen.py` shortens a policy that is too long.
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
    """An ARN, or a pattern of ARNs. `name`: the part that a shorter pattern may replace; empty: none.

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
    """Allowed actions on resources, and why. `reason` is for people, and not part of the document."""

    sid: str
    reason: str
    actions: tuple[str, ...]
    resources: tuple[Resource, ...]
    conditions: Condition = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Returns the statement for IAM. Actions and resources are always lists, sorted."""
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
    """A policy. `widened`: a sentence for each pattern that replaces exact names, because those did not fit."""

    statements: tuple[Statement, ...]
    widened: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the document for IAM: `{"Version": …, "Statement": [{"Sid", "Effect", "Action", "Resource", "Condition"?}]}`."""
        return {"Version": "2012-10-17", "Statement": [statement.as_dict() for statement in self.statements]}

    @property
    def characters(self) -> int:
        """Returns its length as IAM counts it: without white space."""
        return counted(json.dumps(self.as_dict(), separators=(",", ":"), ensure_ascii=False))


def counted(text: str) -> int:
    """Returns its length with the template's parameters filled in, each with its longest value."""
    return len(_PARAMETER.sub(lambda match: "x" * _LONGEST.get(match[1], _ARN_LENGTH), text))


def fixed(*arns: str) -> tuple[Resource, ...]:
    """Returns ARNs that are never replaced by a wider pattern."""
    return tuple(Resource(stem=arn) for arn in arns)


def anything() -> tuple[Resource, ...]:
    """Returns `*`, for actions without a resource in IAM."""
    return fixed("*")


def trust(service: str) -> dict[str, Any]:
    """Returns the policy that lets an AWS service assume a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
