"""What is examined: a lake.yaml, and AWS's answers about the account that it names."""

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
    """`role`: the ARN of the role that the pipeline runs as, where a person gave it."""

    config: LakeConfig
    answers: Answers
    now: Callable[[], datetime]
    role: str | None = None
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """What is computed from answers, kept for the rows that need it again. Two threads may compute it, to the same."""
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]

    @property
    def lake(self) -> LakeSettings:
        return self.config.lake

    def ask(self, service: str, operation: str, **asked: Any) -> Any:
        """As `Answers.ask`."""
        return self.answers.ask(service, operation, **asked)

    def caller(self) -> str:
        """The ARN of the caller."""
        return self.ask("sts", "get_caller_identity")["Arn"]

    def account(self) -> Account:
        """The account and Region of the credentials."""
        arn = parse_arn(self.caller())
        return Account(number=arn.account, region=self.answers.region, partition=arn.partition)

    def names(self) -> Names:
        """How ARNs are spelled here."""
        here = self.account()
        return Names(partition=here.partition, region=here.region, account=here.number)

    def queue_url(self, name: str) -> str | None:
        """The URL of a queue; None where there is none."""
        missing = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
        answer = self.ask("sqs", "get_queue_url", about=name, missing=missing, QueueName=name)
        return answer["QueueUrl"] if answer else None

    def queue(self, name: str) -> dict[str, str]:
        """The attributes of a queue; empty where there is none."""
        url = self.queue_url(name)
        if url is None:
            return {}
        return self.ask("sqs", "get_queue_attributes", about=name, QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def key(self, name: str) -> dict[str, Any] | None:
        """What KMS says of a key, by ARN, id or alias; None where there is none."""
        answer = self.ask("kms", "describe_key", about=name, missing=("NotFoundException",), KeyId=name)
        return answer["KeyMetadata"] if answer else None

    def role_of(self, name: str) -> dict[str, Any] | None:
        """A role of IAM by its name; None where there is none."""
        answer = self.ask("iam", "get_role", about=name, missing=("NoSuchEntity",), RoleName=name)
        return answer["Role"] if answer else None
