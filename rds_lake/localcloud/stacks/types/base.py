"""A resource type: how its resources are created, changed and deleted with the API of their service."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.permissions.acting import Acting

Json = dict[str, Any]


class HandlerError(Exception):
    """A resource cannot be created, changed or deleted, for another reason than an error of its service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a handler. `physical`: empty while the resource is created; `before`: its properties until now.

    `deployer`: whose rights are used. `policy`: the DeletionPolicy. `wait` returns when its argument returns true; it raises
    HandlerError if the stack is deleted during its creation, or if that takes too long.
    """

    deployer: Acting
    suffix: Callable[[int], str]
    region: str
    account: str
    stack: str
    logical: str
    properties: Json
    physical: str = ""
    before: Json = field(default_factory=dict)
    policy: str = "Delete"
    wait: Callable[[Callable[[], bool]], None] = field(default=lambda _: None)

    def client(self, service: str) -> Any:
        """Returns boto3's client of a service in the stack's Region."""
        return self.deployer.clients.client(service, self.region)

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource in the stack's Region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def name(self, key: str, *, limit: int = 64, lower: bool = False) -> str:
        """Returns the name in a property, or one as CloudFormation generates it: stack, logical id and random characters."""
        if key in self.properties:
            return self.properties[key]
        end = f"-{self.suffix(12)}"
        name = f"{self.stack}-{self.logical}"[: limit - len(end)] + end
        return name.lower() if lower else name

    def pick(self, *keys: str) -> Json:
        """Returns those of the properties that are given."""
        return {key: self.properties[key] for key in keys if key in self.properties}

    def changed(self, key: str) -> bool:
        """Whether a property has changed."""
        return self.properties.get(key) != self.before.get(key)

    def pick_changed(self, *keys: str) -> Json:
        """Returns those of the properties that are given and have changed."""
        return {key: value for key, value in self.pick(*keys).items() if self.changed(key)}

    def tags(self, key: str = "Tags") -> list[Json]:
        return self.properties.get(key, [])

    def tags_gone(self, key: str = "Tags") -> list[str]:
        """Returns the keys of tags that existed before and are removed now."""
        kept = {tag["Key"] for tag in self.tags(key)}
        return [tag["Key"] for tag in self.before.get(key, []) if tag["Key"] not in kept]


def _nothing(call: Call) -> None:
    """For a type that is complete once it is created."""


def _no_attributes(call: Call) -> Json:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """The handlers of a type.

    `takes`: the properties that have an effect here; others are refused. `named`: the property with the name. `create` returns the
    physical id, which is the value of Ref. `configure` is called after it, so that a resource whose configuration fails can be
    deleted. `update` changes in place; without it, `configure` does. `delete` may be called for a missing resource. `attributes`
    returns the values of Fn::GetAtt.
    """

    name: str
    takes: frozenset[str]
    named: str = ""
    create: Callable[[Call], str]
    delete: Callable[[Call], None]
    configure: Callable[[Call], None] = _nothing
    update: Callable[[Call], None] | None = None
    attributes: Callable[[Call], Json] = _no_attributes

    def change(self, call: Call) -> None:
        """Change a resource in place."""
        (self.update or self.configure)(call)


def unless_missing(code: str, ask: Callable[[], Json]) -> Json | None:
    """Returns a service's answer; None if its error has this code, which means that the object does not exist."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise


def partition_of(region: str) -> str:
    """Returns the partition of a Region."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def suffix_of(region: str) -> str:
    """Returns the domain of a Region's endpoints: AWS::URLSuffix."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def document(policy: Any) -> str:
    """Returns a policy document, an object or a text, as text."""
    return policy if isinstance(policy, str) else json.dumps(policy)
