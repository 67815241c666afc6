"""Whether a request is allowed, by AWS's evaluation logic within one account and across two accounts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.patterns import Context
from rds_lake.model.permissions.policy import Policy, PolicyType, Statement
from rds_lake.model.permissions.principals import Reach
from rds_lake.model.permissions.request import Principal, Request, full_context

Effect = Literal["allow", "explicit deny", "implicit deny"]
_ROOT = "the account's root user"
_ARTICLES = {PolicyType.IDENTITY: "an", PolicyType.TRUST: "the"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of an evaluation. `statement` (`<policy>: <Sid or number>`) decided it; None for an implicit deny.

    `reason`: the end of AWS's message "is not authorized to perform: … on resource: …". `policy_type`: the type of the
    policy that denies, or that lacks the Allow. If the request is allowed, they are empty and None.
    """

    effect: Effect
    statement: str | None
    reason: str = ""
    policy_type: PolicyType | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        return self.effect == "allow"


def evaluate(
    request: Request,
    principal: Principal,
    *,
    resource_policy: Policy | None = None,
    grants: tuple[Grant, ...] = (),
) -> Decision:
    """Returns the decision about one action on one resource. It never fails for parsed input.

    `resource_policy`: the policy of the request's resource (bucket, queue, topic, key), or a role's trust policy. KMS
    keys and roles always have one: without it, no principal is allowed.
    """
    case = _Case(request, principal, full_context(request, principal), resource_policy, grants)
    denied = case.explicit_deny()
    if denied is not None:
        return denied
    if principal.outsider:
        return case.by_resource()
    return case.in_account() if principal.account == request.account else case.across_accounts()


@dataclass(frozen=True, slots=True)
class _Case:
    request: Request
    principal: Principal
    context: Context
    resource_policy: Policy | None
    grants: tuple[Grant, ...]

    def explicit_deny(self) -> Decision | None:
        for kind, policy in self._policies():
            for statement in policy.statements:
                if not statement.allows and self._reach(statement) and self._applies(statement):
                    reason = f"with an explicit deny in {_ARTICLES.get(kind, 'a')} {kind}"
                    return Decision(
                        effect="explicit deny", statement=statement.reference, reason=reason, policy_type=kind
                    )
        return None

    def by_resource(self) -> Decision:
        """Decides requests of services and without a signature, which only the resource's policy can allow."""
        reach, statement = self._resource_allow()
        return _allow(statement) if reach else self._lacking(self._resource_type)

    def in_account(self) -> Decision:
        reach, statement = self._resource_allow()
        if reach is Reach.DIRECT:
            return _allow(statement)
        if reach is Reach.NONE and self._resource_must_allow():
            return self._lacking(self._resource_type)
        allowed = statement if reach is Reach.ROLE else self._identity_allow()
        if allowed is None:
            return self._lacking(PolicyType.IDENTITY)
        return self._limited() or _allow(allowed)

    def across_accounts(self) -> Decision:
        identity = self._identity_allow()
        if identity is None:
            return self._lacking(PolicyType.IDENTITY)
        limited = self._limited()
        if limited is not None:
            return limited
        reach, resource = self._resource_allow()
        return _allow(f"{identity} and {resource}") if reach else self._lacking(self._resource_type)

    def _policies(self) -> Iterator[tuple[PolicyType, Policy]]:
        who = self.principal
        yield from ((PolicyType.IDENTITY, policy) for policy in who.policies)
        if who.boundary is not None:
            yield PolicyType.BOUNDARY, who.boundary
        if who.session is not None:
            yield PolicyType.SESSION, who.session
        if self.resource_policy is not None:
            yield self._resource_type, self.resource_policy

    def _applies(self, statement: Statement) -> bool:
        return statement.names(self.request.action, self.request.resource, self.context) and statement.holds(
            self.context
        )

    def _reach(self, statement: Statement) -> Reach:
        who = self.principal
        if statement.principals is None:
            return Reach.DIRECT
        return statement.principals.reach(arn=who.arn, identity=who.identity, account=who.account, service=who.service)

    def _allowing(self, policy: Policy) -> str | None:
        """Returns the first statement of a policy without principals that allows the request."""
        allowing = (
            statement.reference for statement in policy.statements if statement.allows and self._applies(statement)
        )
        return next(allowing, None)

    def _identity_allow(self) -> str | None:
        if self.principal.is_root:
            return _ROOT
        return next(filter(None, map(self._allowing, self.principal.policies)), None)

    def _resource_allow(self) -> tuple[Reach, str | None]:
        """Returns the Allow of the resource's policy or the key's grants that names the principal most exactly."""
        reaches: list[tuple[Reach, str | None]] = [(Reach.NONE, None)]
        if self.resource_policy is not None:
            allows = (
                statement
                for statement in self.resource_policy.statements
                if statement.allows and self._applies(statement)
            )
            reaches.extend((self._reach(statement), statement.reference) for statement in allows)
        reaches.extend((grant.reach(self.request, self.principal), f"grant {grant.grant_id}") for grant in self.grants)
        return max(reaches, key=lambda pair: pair[0])

    def _limited(self) -> Decision | None:
        """Returns the implicit deny if a permissions boundary or session policy does not also allow the request, otherwise None."""
        who = self.principal
        if who.boundary is not None and self._allowing(who.boundary) is None:
            return self._lacking(PolicyType.BOUNDARY)
        federated = ":federated-user/" in who.arn
        if (who.session is not None or federated) and (who.session is None or self._allowing(who.session) is None):
            return self._lacking(PolicyType.SESSION)
        return None

    def _resource_must_allow(self) -> bool:
        """Whether the resource is a KMS key or role, whose own policy must allow the request."""
        key = self.request.action.lower().startswith("kms:") and ":key/" in self.request.resource
        return key or self._resource_type is PolicyType.TRUST

    @property
    def _resource_type(self) -> PolicyType:
        trust = self.resource_policy is not None and self.resource_policy.kind is PolicyType.TRUST
        return (
            PolicyType.TRUST
            if trust or self.request.action.lower().startswith("sts:assumerole")
            else PolicyType.RESOURCE
        )

    def _lacking(self, kind: PolicyType) -> Decision:
        reason = f"because no {kind} allows the {self.request.action} action"
        return Decision(effect="implicit deny", statement=None, reason=reason, policy_type=kind)


def _allow(statement: str | None) -> Decision:
    return Decision(effect="allow", statement=statement)
