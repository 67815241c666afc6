"""Policies without the statements that are about other actions, kept by policy and action: most of a policy is about others.

Which statements are about an action depends on nothing but both, so that what is decided stays the same.
"""

from __future__ import annotations

from dataclasses import replace

from rds_lake.model.permissions.policy import Policy
from rds_lake.model.permissions.request import Principal

_KEPT = 10_000


class Narrowing:
    """Narrowed policies. Every method may be called from any thread."""

    def __init__(self) -> None:
        # By the policy's identity, which stays its own as long as it is kept here.
        self._kept: dict[tuple[int, str], tuple[Policy, Policy]] = {}

    def reset(self) -> None:
        """Forget all policies."""
        self._kept = {}

    def policy(self, policy: Policy, action: str) -> Policy:
        """The policy with the statements about this action alone."""
        known = self._kept.get((id(policy), action))
        if known is not None:
            return known[1]
        if len(self._kept) >= _KEPT:
            self._kept = {}
        statements = tuple(statement for statement in policy.statements if statement.actions.takes(action, {}))
        narrowed = replace(policy, statements=statements)
        self._kept[id(policy), action] = (policy, narrowed)
        return narrowed

    def principal(self, principal: Principal, action: str) -> Principal:
        """The principal with such policies."""
        return replace(
            principal,
            policies=tuple(self.policy(policy, action) for policy in principal.policies),
            boundary=self.policy(principal.boundary, action) if principal.boundary else None,
            session=self.policy(principal.session, action) if principal.session else None,
        )
