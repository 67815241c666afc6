"""A Dagster instance around the world."""

import time
from collections.abc import Iterator

import pytest

from rds_lake.aws.sqs import QueueMessage, SqsGateway
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.support.world import World

# Of each second that a sensor waits for a message: the local cloud delivers in milliseconds, and most ticks wait in vain.
_SHARE = 0.25


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    receive = SqsGateway.receive

    def impatient(self: SqsGateway, *, max_messages: int = 10, wait_seconds: int = 0) -> list[QueueMessage]:
        deadline = time.monotonic() + wait_seconds * _SHARE
        while not (messages := receive(self, max_messages=max_messages)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return messages

    monkeypatch.setattr(SqsGateway, "receive", impatient)
    with quick_instance() as instance:
        yield Shell(world, instance)
