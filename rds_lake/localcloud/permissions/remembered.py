"""Decisions and parts of policies that are kept, since the same is asked again and again: a gate must cost little.

A policy is kept without the statements about other actions. A decision is kept for the same policies, principal, action,
resource and condition keys, unless a statement looks at the time. A policy that changes is another policy: nothing gets stale.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.policy import Policy
from rds_lake.model.permissions.request import Principal, Request

_KEPT = 10_000


class Remembered:
    """What is kept. Every method may be called from any thread."""

    def __init__(self) -> None:
        # By the identity of the policies, which stays their own as long as they are kept here: all is forgotten together.
        self._policies: dict[tuple[int, str], tuple[Policy, Policy]] = {}
        self._timed: set[int] = set()
        self._decisions: dict[Hashable, Decision] = {}

    def reset(self) -> None:
        """Forget everything."""
        self._policies, self._timed, self._decisions = {}, set(), {}

    def decide(
        self, request: Request, principal: Principal, policy: Policy | None, grants: tuple[Grant, ...], keys: Hashable
    ) -> Decision:
        """`evaluate`, or what it said before. `policy` is the resource's; `keys`: the condition keys but the time."""
        if len(self._decisions) >= _KEPT or len(self._policies) >= _KEPT:
            self.reset()
        action = request.action
        own = tuple([self._about(each, action) for each in principal.policies])
        boundary, session = self._about(principal.boundary, action), self._about(principal.session, action)
        resource_policy = self._about(policy, action)
        asked = [id(each) for each in (*own, boundary, session, resource_policy)]
        key = (*asked, len(own), principal.arn, action, request.resource, keys)
        known = None if grants else self._decisions.get(key)
        if known is not None:
            return known
        held = replace(principal, policies=own, boundary=boundary, session=session)
        decision = evaluate(request, held, resource_policy=resource_policy, grants=grants)
        if not grants and self._timed.isdisjoint(asked):
            self._decisions[key] = decision
        return decision

    def _about(self, policy: Policy | None, action: str) -> Policy | None:
        """The policy with the statements about this action alone."""
        if policy is None:
            return None
        known = self._policies.get((id(policy), action))
        if known is not None:
            return known[1]
        statements = tuple(statement for statement in policy.statements if statement.actions.takes(action, {}))
        narrowed = replace(policy, statements=statements)
        self._policies[id(policy), action] = (policy, narrowed)
        # A condition or a variable: aws:CurrentTime, aws:EpochTime, aws:TokenIssueTime.
        if "time" in repr(statements).lower():
            self._timed.add(id(narrowed))
        return narrowed
