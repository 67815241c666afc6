"""Several outboxes: one that fails stops no other, and is tried again after growing pauses."""

from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from rds_lake.database.outbox.outbox import open_outbox
from rds_lake.errors import TerminalError, UnavailableError
from rds_lake.stages.streams.forward_each import forward_each, forward_forever
from rds_lake.threads import Stop
from rds_lake_tests.stages.streams.forwarder import Forwarder


@contextmanager
def away() -> Any:
    raise UnavailableError("the database cannot be reached")
    yield


def test_an_outbox_that_cannot_be_reached_is_named_after_the_others_were_forwarded(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)
    work, said = forwarder.work(), list[str]()
    with pytest.raises(UnavailableError, match="shop, database gone: the database cannot be reached"):
        forward_each([replace(work, database="gone", open_outbox=away), work], say=said.append)
    assert [line.split(", ")[1:3] for line in said] == [
        [f"database {forwarder.captured.home}: cut 1", "2 changes of 2 tables"]
    ]
    forwarder.captured.run("DROP TABLE rds_lake.capture")
    with pytest.raises(TerminalError, match="streams triggers"):
        forward_each([work], say=said.append)


@pytest.mark.exhaustive
def test_a_busy_outbox_is_no_failure(forwarder: Forwarder) -> None:
    said: list[str] = []
    with open_outbox(forwarder.captured.dsn, forwarder.captured.home) as outbox:
        outbox.claim()
        assert forward_each([forwarder.work()], say=said.append) == []
    assert "another process is forwarding" in said[0]


def test_for_ever_is_until_it_is_stopped_with_longer_and_longer_pauses_after_failures(forwarder: Forwarder) -> None:
    now, said = [0.0], list[str]()

    class Waited(Stop):
        def wait(self, seconds: float) -> bool:
            now[0] += seconds
            if now[0] > 2000:
                self.set()
            return self.is_set

    forwarder.captured.fill(1)
    works = [replace(forwarder.work(), database="gone", open_outbox=away), forwarder.work()]
    forward_forever(works, every_seconds=300, stop=Waited(), monotonic=lambda: now[0], say=said.append)
    pauses = [line.rpartition(" in ")[2] for line in said if "gone" in line]
    assert pauses[:9] == ["5 s", "10 s", "20 s", "40 s", "80 s", "160 s", "300 s", "300 s", "300 s"]
    assert len([line for line in said if "cut 1" in line]) == 1, (
        "the other was forwarded once, and has had nothing since"
    )
