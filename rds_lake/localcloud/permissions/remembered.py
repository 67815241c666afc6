"""A cache of decisions and of parts of policies: the same request is decided again and again, and a gate must be fast.

A policy is cached without the statements about other actions. A decision is cached for the same principal, resource policy,
action, resource and condition keys, unless a statement depends on the time. A principal with changed policies is another
principal, and a changed policy is another policy, so nothing becomes stale.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.policy import Policy
from rds_lake.model.permissions.request import Principal, Request

_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A policy's statements about one action. `timed`: whether one of them depends on the time."""

    policy: Policy | None
    timed: bool


_NONE = _Part(policy=None, timed=False)


class Remembered:
    """The cache. Every method may be called from any thread."""

    def __init__(self) -> None:
        # By `id()` of principals and policies, which is unique as long as the objects are kept here.
        self._policies: dict[tuple[int, str], tuple[Policy, _Part]] = {}
        self._decisions: dict[Hashable, tuple[Decision, Principal, Policy | None]] = {}

    def reset(self) -> None:
        """Forget everything."""
        self._policies, self._decisions = {}, {}

    def find(self, principal: Principal, policy: Policy | None, depends: Hashable) -> Decision | None:
        """Returns the earlier decision of `decide`; None if there is none, or if it depends on the time."""
        known = self._decisions.get((id(principal), id(policy), depends))
        return known[0] if known is not None else None

    def decide(
        self,
        request: Request,
        principal: Principal,
        policy: Policy | None,
        grants: tuple[Grant, ...],
        depends: Hashable,
    ) -> Decision:
        """Returns the decision of `evaluate`, and caches it. `policy`: the resource's; `depends`: action, resource and condition
        keys except the time.
        """
        if len(self._decisions) >= _KEPT or len(self._policies) >= _KEPT:
            self.reset()
        action = request.action
        own = tuple([self._about(each, action) for each in principal.policies])
        boundary, session = self._about(principal.boundary, action), self._about(principal.session, action)
        resource_policy = self._about(policy, action)
        held = replace(
            principal,
            policies=tuple([part.policy for part in own if part.policy is not None]),
            boundary=boundary.policy,
            session=session.policy,
        )
        decision = evaluate(request, held, resource_policy=resource_policy.policy, grants=grants)
        if not grants and not any(part.timed for part in (*own, boundary, session, resource_policy)):
            self._decisions[id(principal), id(policy), depends] = decision, principal, policy
        return decision

    def _about(self, policy: Policy | None, action: str) -> _Part:
        if policy is None:
            return _NONE
        known = self._policies.get((id(policy), action))
        if known is not None:
            return known[1]
        statements = tuple(statement for statement in policy.statements if statement.actions.takes(action, {}))
        # A condition or a variable: aws:CurrentTime, aws:EpochTime, aws:TokenIssueTime.
        part = _Part(policy=replace(policy, statements=statements), timed="time" in repr(statements).lower())
        self._policies[id(policy), action] = (policy, part)
        return part
