"""The rights that an operation needs: actions on resources, as in AWS's service authorization reference.

(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rds_lake.localcloud.permissions.stored import Stored

PARTITION = "aws"
ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One right. `action`: `s3:GetObject`; `resource`: an ARN, or `*` if the action has no resource type; `context`:
    condition keys of this action only.
    """

    action: str
    resource: str = ANY
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, parsed as far as its rights depend on it.

    `service` is boto3's name. `params`: the body of a JSON request, the form of a query request as it was sent
    (`Tag.member.1`), of S3 the query's parameters with `Bucket` and `Key`. `body` is only set where S3's operation needs it.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    account: str
    stored: Stored
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_params(self, params: Mapping[str, Any]) -> Call:
        """Returns the same call with a part of its parameters, for a rule about a nested structure."""
        return replace(self, params=params)

    def arn(self, resource: str, *, service: str = "") -> str:
        """Returns an ARN of the caller's account and Region: `call.arn("snapshot:rds:shop-…")`."""
        return f"arn:{PARTITION}:{service or self.service}:{self.region}:{self.account}:{resource}"

    def named(self, kind: str, *keys: str) -> str:
        """Returns the ARN that the first given parameter names: or of all resources of its kind if none is given."""
        for key in keys:
            value = self.params.get(key)
            if value:
                return value if str(value).startswith("arn:") else self.arn(f"{kind}{value}")
        return self.arn(f"{kind}*")


Rule = Callable[[Call], Iterable[Need]]


def nothing(call: Call) -> Iterator[Need]:
    """Returns no needs: AWS answers every caller."""
    return iter(())


def everything(action: str) -> Rule:
    """Returns the rule of an action that AWS checks without a resource."""

    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=action)

    return rule


def on(action: str, kind: str, *keys: str) -> Rule:
    """Returns the rule of an action on the resource that a parameter names: `on("sns:Publish", "", "TopicArn", "TargetArn")`."""

    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=action, resource=call.named(kind, *keys))

    return rule


def both(*rules: Rule) -> Rule:
    """Returns a rule with the needs of several rules, in order."""

    def rule(call: Call) -> Iterator[Need]:
        for each in rules:
            yield from each(call)

    return rule


def pass_role(key: str, service: str) -> Rule:
    """Returns the rule of iam:PassRole on a parameter's role (name or ARN), for a service (`glue.amazonaws.com`).

    Without a role there is no need. (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)
    """

    def rule(call: Call) -> Iterator[Need]:
        role = call.params.get(key)
        if role:
            arn = role if role.startswith("arn:") else call.stored.role_arn(role)
            yield Need(action="iam:PassRole", resource=arn, context={"iam:PassedToService": (service,)})

    return rule
