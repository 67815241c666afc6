"""The inputs of examinations: a lake.yaml, and AWS's answers about its account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from rds_lake.aws.account.answers import Answers
from rds_lake.config.lake_yaml import LakeConfig, LakeSettings
from rds_lake.infra.account import Account
from rds_lake.infra.policy.names import Names
from rds_lake.model.aws.arn import parse_arn

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """`role`: the ARN of the role that the pipeline runs as, if the user gave it."""

    config: LakeConfig
    answers: Answers
    now: Callable[[], datetime]
    role: str | None = None
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Returns a value computed from answers, cached for all rows. Two threads may compute it, with the same result."""
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]

    @property
    def lake(self) -> LakeSettings:
        return self.config.lake

    def ask(self, service: str, operation: str, **asked: Any) -> Any:
        """Like `Answers.ask`."""
        return self.answers.ask(service, operation, **asked)

    def caller(self) -> str:
        """Returns the ARN of the caller."""
        return self.ask("sts", "get_caller_identity")["Arn"]

    def account(self) -> Account:
        """Returns the account and Region of the credentials."""
        arn = parse_arn(self.caller())
        return Account(number=arn.account, region=self.answers.region, partition=arn.partition)

    def names(self) -> Names:
        """Returns the builder of ARNs for this account and Region."""
        here = self.account()
        return Names(partition=here.partition, region=here.region, account=here.number)

    def queue_url(self, name: str) -> str | None:
        """Returns the URL of a queue; None if it does not exist."""
        missing = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
        answer = self.ask("sqs", "get_queue_url", about=name, missing=missing, QueueName=name)
        return answer["QueueUrl"] if answer else None

    def queue(self, name: str) -> dict[str, str]:
        """Returns the attributes of a queue; empty if it does not exist."""
        url = self.queue_url(name)
        if url is None:
            return {}
        return self.ask("sqs", "get_queue_attributes", about=name, QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def key(self, name: str) -> dict[str, Any] | None:
        """Returns KMS's description of a key, by ARN, id or alias; None if it does not exist."""
        answer = self.ask("kms", "describe_key", about=name, missing=("NotFoundException",), KeyId=name)
        return answer["KeyMetadata"] if answer else None

    def role_of(self, name: str) -> dict[str, Any] | None:
        """Returns an IAM role by its name; None if it does not exist."""
        answer = self.ask("iam", "get_role", about=name, missing=("NoSuchEntity",), RoleName=name)
        return answer["Role"] if answer else None
