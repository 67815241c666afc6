"""Decides requests with the evaluator of the local cloud's gate, over the policies that AWS has now.

A denial belongs to the row of the policy that denies: the rights of a role, or the policy of a bucket, queue, topic or key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.errors import RdsLakeError
from rds_lake.infra.doctor.patient import Patient
from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.policy import Policy, PolicyType, Statement
from rds_lake.model.permissions.request import Principal, Request, full_context

# Keys that AWS has in requests, but nobody knows before one is sent.
_OF_THE_CALLER = "aws:"
_KNOWN_LATER = "depends on values that only AWS knows when the request is made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource's own permissions."""

    policy: Policy | None = None
    grants: tuple[Grant, ...] = ()


FindResource = Callable[[str], Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A request that is not allowed. `depends_on`: condition keys whose values may change the decision."""

    request: Request
    decision: Decision
    depends_on: tuple[str, ...] = ()

    @property
    def by_resource(self) -> bool:
        """Whether the resource's own policy denies, or has no Allow that is needed."""
        return self.decision.policy_type is not None and self.decision.policy_type.names_principals

    def __str__(self) -> str:
        said = f"{self.request.action} on {self.request.resource} is not allowed: {self.decision.reason}"
        if self.decision.statement:
            said += f", {self.decision.statement}"
        return said + (f" ({_KNOWN_LATER}: {', '.join(self.depends_on)})" if self.depends_on else "")


def denials(requests: Iterable[Request], principal: Principal, find: FindResource) -> Iterator[Denial]:
    """Returns the requests that are not allowed, with the reason of each."""
    for request in requests:
        resource = find(request.resource)
        decision = evaluate(request, principal, resource_policy=resource.policy, grants=resource.grants)
        if not decision.allowed:
            unknown = _unknown_keys(request, principal, resource.policy, decision)
            yield Denial(request=request, decision=decision, depends_on=unknown)


def _unknown_keys(request: Request, principal: Principal, policy: Policy | None, decision: Decision) -> tuple[str, ...]:
    """Returns the condition keys that may change the decision, and have no value before the request, such as aws:SourceVpce.

    Of the statement that denies; or, if none does, of the statements that would allow.
    """
    context = full_context(request, principal)
    every = [*principal.policies, *filter(None, (principal.boundary, policy))]
    keys = (
        test.key
        for document in every
        for statement in document.statements
        if (statement.reference == decision.statement if decision.statement else statement.allows)
        if statement.names(request.action, request.resource, context) and _is_about(statement, principal)
        for test in statement.conditions
        if test.key.lower().startswith(_OF_THE_CALLER) and test.key.lower() not in context
    )
    return tuple(dict.fromkeys(keys))


def _is_about(statement: Statement, who: Principal) -> bool:
    named = statement.principals
    return named is None or bool(
        named.reach(arn=who.arn, identity=who.identity, account=who.account, service=who.service)
    )


def resource_of(patient: Patient, arn: str) -> Resource:
    """Returns the permissions of the bucket, queue, topic or key of an ARN. AwsError if its policy may not be read."""
    return patient.once(f"resource {arn}", lambda: _resource_of(patient, arn))


def _resource_of(patient: Patient, arn: str) -> Resource:
    service, about = arn.split(":")[2:3], arn
    if service == ["s3"]:
        bucket = parse_arn(arn).resource.partition("/")[0]
        missing = ("NoSuchBucketPolicy", "NoSuchBucket")
        answer = patient.ask("s3", "get_bucket_policy", about=bucket, missing=missing, Bucket=bucket)
        return Resource(policy=_read(answer["Policy"] if answer else None, f"the policy of bucket {bucket}"))
    if service == ["sqs"]:
        name = parse_arn(arn).resource
        return Resource(policy=_read(patient.queue(name).get("Policy"), f"the policy of queue {name}"))
    if service == ["sns"]:
        missing = ("NotFound", "NotFoundException")
        answer = patient.ask("sns", "get_topic_attributes", about=about, missing=missing, TopicArn=arn)
        return Resource(
            policy=_read((answer or {"Attributes": {}})["Attributes"].get("Policy"), f"the policy of {arn}")
        )
    if service == ["kms"]:
        return Resource(policy=_key_policy(patient, arn), grants=tuple(_grants(patient, arn)))
    return Resource()


def known_resource(patient: Patient) -> FindResource:
    """As `resource_of`; an unreadable policy counts as empty, because other rows report that."""
    kept: dict[str, Resource] = {}

    def find(arn: str) -> Resource:
        place = arn.partition("/")[0] if arn.startswith("arn:") and ":s3:" in arn else arn
        if place not in kept:
            try:
                kept[place] = resource_of(patient, place)
            except RdsLakeError:
                kept[place] = Resource()
        return kept[place]

    return find


def _key_policy(patient: Patient, arn: str) -> Policy | None:
    answer = patient.ask("kms", "get_key_policy", about=arn, KeyId=arn, PolicyName="default")
    return _read(answer["Policy"], f"the policy of key {arn}")


def _grants(patient: Patient, arn: str) -> Iterator[Grant]:
    for grant in patient.answers.pages("kms", "list_grants", "Grants", about=arn, KeyId=arn):
        constraints = grant.get("Constraints") or {}
        yield Grant(
            grant_id=grant["GrantId"],
            key=arn,
            grantee=grant.get("GranteePrincipal", ""),
            operations=frozenset(grant.get("Operations") or ()),
            equals=constraints.get("EncryptionContextEquals"),
            subset=constraints.get("EncryptionContextSubset"),
        )


def _read(text: Any, name: str) -> Policy | None:
    return parse_policy(json.loads(text), name=name, kind=PolicyType.RESOURCE) if text else None


def actions_of(denials: Sequence[Denial]) -> tuple[str, ...]:
    """Returns the actions that are denied, without duplicates."""
    return tuple(dict.fromkeys(denial.request.action for denial in denials))
