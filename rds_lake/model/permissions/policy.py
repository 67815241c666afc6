"""A parsed policy, and AWS's names of policy types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rds_lake.errors import ProblemsError
from rds_lake.model.permissions.conditions import Test
from rds_lake.model.permissions.patterns import Context, Pattern
from rds_lake.model.permissions.principals import Principals


class PolicyError(ProblemsError, ValueError):
    """The document is not a valid policy; lists every problem."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(f"The policy {name} is not valid:", problems)


class PolicyType(StrEnum):
    """The type of a policy, in the words of AWS's messages.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"

    @property
    def names_principals(self) -> bool:
        """Whether its statements name principals; other policies apply to the principal that they are attached to."""
        return self in {PolicyType.RESOURCE, PolicyType.TRUST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`Action` or `NotAction`, `Resource` or `NotResource`."""

    patterns: tuple[Pattern, ...]
    inverted: bool = False

    def takes(self, text: str, context: Context) -> bool:
        """Whether the element applies to `text`."""
        return any(pattern.matches(text, context) for pattern in self.patterns) != self.inverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `reference`: `<policy>: <Sid or number>`; `resources`: None in a role's trust policy."""

    reference: str
    allows: bool
    actions: Choice
    resources: Choice | None
    principals: Principals | None
    conditions: tuple[Test, ...]

    def names(self, action: str, resource: str, context: Context) -> bool:
        """Whether it applies to this action and resource, without regard to conditions."""
        if not self.actions.takes(action, context):
            return False
        return self.resources is None or self.resources.takes(resource, context)

    def holds(self, context: Context) -> bool:
        """Whether the request fulfils all its conditions."""
        return all(test.holds(context) for test in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A valid policy document."""

    name: str
    kind: PolicyType
    statements: tuple[Statement, ...]
