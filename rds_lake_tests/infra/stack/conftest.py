"""One local cloud per module, emptied before each test, and a deployment into it that hardly sleeps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rds_lake.infra.stack.client import Stack, StackClient
from rds_lake.infra.stack.deploy import Deployment, Order
from rds_lake.infra.stack.watch import Pace
from rds_lake.infra.template.parts import tags
from rds_lake.infra.template.render import as_yaml
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.template.lakes import config_of, template_of
from rds_lake_tests.localcloud.stacks.deploying import Formation


@dataclass
class Site:
    """A lake's stack `lake` in the local cloud; `lines` is what was said."""

    formation: Formation
    lines: list[str] = field(default_factory=list)
    lake: str = "rds"
    stack: str = "lake"
    tokens: Any = field(default_factory=itertools.count)

    def deployment(self, **pace: Any) -> Deployment:
        quick = {"clock": time.monotonic, "sleep": lambda seconds: time.sleep(seconds / 100)} | pace
        return Deployment(
            stacks=StackClient(api=self.formation.api, name=self.stack),
            pace=Pace(**quick),
            say=self.lines.append,
            token=lambda: f"token-{next(self.tokens)}",
        )

    def order(self, **parameters: str) -> Order:
        body = template_of(self.lake).body
        own = tuple(tags(config_of(self.lake).lake))
        return Order(body=body, source={"TemplateBody": as_yaml(body)}, parameters=parameters, tags=own)

    def deploy(self, **parameters: str) -> Stack:
        return self.deployment().deploy(self.order(**parameters))

    def remove(self) -> None:
        self.deployment().remove(template_of(self.lake).body["Description"])

    def begin(self, **parameters: str) -> None:
        """Somebody else's creation of the same stack."""
        order = self.order(**parameters)
        self.formation.api.create_stack(
            StackName=self.stack,
            TemplateBody=order.source["TemplateBody"],
            Tags=list(order.tags),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )

    def told(self, part: str) -> list[str]:
        return [line for line in self.lines if part in line]


@pytest.fixture(scope="module")
def stack_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def stack_clients() -> dict[str, Any]:
    return {}


@pytest.fixture
def site(stack_cloud: LocalCloud, stack_clients: dict[str, Any]) -> Site:
    stack_cloud.reset()
    return Site(Formation(stack_cloud, stack_clients))
