"""An account in the local cloud, and `rds-lake setup` in it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.account.stack import Setup, StackAsked
from rds_lake.infra.stack.watch import Pace
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake_tests.infra.stack.conftest import stack_cloud  # noqa: F401
from rds_lake_tests.infra.template.lakes import LAKES


@dataclass
class Site:
    """`lines`: what was said by the last setup."""

    cloud: LocalCloud
    clients: AwsClients
    lines: list[str] = field(default_factory=list)
    tokens: Any = field(default_factory=itertools.count)

    def client(self, service: str) -> Any:
        return self.cloud.clients.client(service)

    def config(self, name: str, **lake: Any) -> LakeConfig:
        """One of the eight lakes, in this account, with other settings of `lake:`."""
        config = parse_config(LAKES[name].replace("111122223333", ACCOUNT), where=name)
        return config.model_copy(update={"lake": config.lake.model_copy(update=lake)})

    def setup(self, config: LakeConfig, *parameters: str, **asked: Any) -> None:
        self.lines.clear()
        pace = Pace(clock=time.monotonic, sleep=lambda seconds: time.sleep(seconds / 100))
        token = lambda: f"t{next(self.tokens)}"  # noqa: E731
        setup = Setup(config=config, clients=self.clients, pace=pace, token=token, say=self.lines.append)
        setup.apply(StackAsked(parameters=parameters, **asked))

    def told(self, part: str) -> list[str]:
        return [line for line in self.lines if part in line]

    def made(self, stack: str = "acme") -> set[str]:
        """The logical ids of the stack's resources."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {one["LogicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}

    def stacks(self) -> list[str]:
        return [stack["StackName"] for stack in self.client("cloudformation").list_stacks()["StackSummaries"]]

    def policy_of(self, queue: str) -> dict[str, Any]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])


@pytest.fixture(scope="module")
def site_clients(stack_cloud: LocalCloud) -> AwsClients:  # noqa: F811
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    return AwsClients(session, region="us-east-1", endpoint_url=stack_cloud.url)


@pytest.fixture
def site(stack_cloud: LocalCloud, site_clients: AwsClients) -> Iterator[Site]:  # noqa: F811
    stack_cloud.reset()
    yield Site(cloud=stack_cloud, clients=site_clients)
