"""The search for one stack's existing objects, and its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import AwsError
from rds_lake.infra.account import Account

Say = Callable[[str], None]
_Answer = TypeVar("_Answer")
# What stays when a stack gives it up: infra/template marks it with Retain.
_KEPT = ("Bucket", "ExportBucket", "KeyArn", "Databases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An existing object. The stack gets `parameter`=`value` and creates no other; `said` is a sentence for a person.

    `before` and `after` add what it lacks, before and after the deployment; both get a function for messages.
    """

    parameter: str
    value: str = "existing"
    said: str
    before: Callable[[Say], None] | None = None
    after: Callable[[Say], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The search for one stack.

    `parameters`: the template's, with their defaults; `given`: the command's; `chosen`: the stack's. `owned`: the logical ids of
    the stack's resources. `problems` collects unusable objects, `asked` the parameters that were checked.
    """

    clients: AwsClients
    config: LakeConfig
    account: Account
    stack: str
    parameters: Mapping[str, str]
    given: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    problems: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def wants(self, parameter: str, *logical: str) -> bool:
        """Whether the template has the parameter, and the stack does not have its resource."""
        if parameter not in self.parameters:
            return False
        if self.owned.isdisjoint(logical):
            self.asked.add(parameter)
            return True
        if self.given.get(parameter) == "existing" and parameter not in _KEPT:
            self.problems.append(
                f"--parameter {parameter}=existing: {logical[0]} is stack {self.stack}'s own, and CloudFormation would delete it"
            )
        return False

    def value(self, parameter: str) -> str:
        """Returns the value that a parameter of the template will have."""
        return {**self.parameters, **self.chosen, **self.given}[parameter]


def ask(
    service: str, operation: str, about: str, call: Callable[[], _Answer], *, missing: tuple[str, ...]
) -> _Answer | None:
    """Returns the answer; None if AWS's error has a code of `missing`. Other errors: `aws_errors`."""
    try:
        with aws_errors(service, operation, about=about):
            return call()
    except AwsError as error:
        if error.code not in missing:
            raise
        return None


def plain(answer: Any) -> dict[str, Any]:
    """Returns an answer of boto3 without its data about the request."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
