"""A person cancels a run while its turns go on writing its record: call by call, in each order that matters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from rds_lake.errors import ConflictError, UnavailableError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.model.warehouse.record import Phase, RunRecord
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.warehouse.records import begin_run, cancel_run, get_run, write_run
from rds_lake_tests.stages.warehouse.running import BEGAN
from rds_lake_tests.stages.warehouse.standing.yard import Yard

RUN = "run-1"


@pytest.fixture
def lakes(plain_cloud: LocalCloud) -> tuple[Lake, Lake]:
    """The lake as the person's process has it and as the turns' has it, with a run that has begun."""
    person, turns = (
        Yard(cloud=plain_cloud, inspector=clients, workers=clients)
        for clients in (InProcessClients(plain_cloud.app), InProcessClients(plain_cloud.app))
    )
    person.prepare()
    begin_run(person.warehouse.lake, person.plan(RUN), cause="a test", now=BEGAN)
    turns.settings = person.settings
    return person.warehouse.lake, turns.warehouse.lake


def turn(lake: Lake, change: Callable[[RunRecord], RunRecord]) -> None:
    stored = get_run(lake, "nightly", RUN)
    write_run(lake, stored, change(stored.record))


@contextmanager
def before_each_write(lake: Lake, act: Callable[[int], None]) -> Iterator[list[int]]:
    """`act` between the lake's reading and its writing, each time; gives the writes so far."""
    writes: list[int] = []

    def meanwhile(**_: Any) -> None:
        writes.append(len(writes) + 1)
        act(writes[-1])

    events = lake.s3.client.meta.events
    events.register("before-call.s3.PutObject", meanwhile, unique_id="turns")
    try:
        yield writes
    finally:
        events.unregister("before-call.s3.PutObject", unique_id="turns")


def test_a_cancellation_waits_for_turns_that_write_before_it_each_time_and_keeps_what_they_wrote(
    lakes: tuple[Lake, Lake],
) -> None:
    person, turns = lakes

    def work(writes: int) -> None:
        if writes <= 20:
            turn(turns, lambda record: replace(record, phase=Phase.WORKING, cause=f"turn {writes}"))

    read_before = get_run(turns, "nightly", RUN)
    waited: list[float] = []
    with before_each_write(person, work) as writes:
        record = cancel_run(person, "nightly", RUN, why="not wanted", sleep=waited.append)
    assert (len(writes), len(waited)) == (21, 20)
    assert (record.phase, record.error, record.cause) == (Phase.REMOVING, "not wanted", "turn 20")
    with pytest.raises(ConflictError):  # a turn that had read the record before takes nothing back
        write_run(turns, read_before, replace(read_before.record, phase=Phase.WORKING))
    assert get_run(turns, "nightly", RUN).record == record


def test_a_cancellation_that_turns_forestall_each_time_says_so_and_has_changed_nothing(
    lakes: tuple[Lake, Lake],
) -> None:
    person, turns = lakes
    with (
        before_each_write(
            person, lambda writes: turn(turns, lambda record: replace(record, cause=f"turn {writes}"))
        ) as writes,
        pytest.raises(
            UnavailableError, match="was changed by other processes during 100 attempts to change it; try again"
        ),
    ):
        cancel_run(person, "nightly", RUN, why="not wanted", sleep=lambda _: None)
    left = get_run(turns, "nightly", RUN).record
    assert (left.phase, left.error, left.cause) == (Phase.CREATING, None, f"turn {len(writes)}")
    assert cancel_run(person, "nightly", RUN, why="not wanted").phase is Phase.REMOVING, "the next attempt"


@pytest.mark.parametrize("phase", [Phase.REMOVING, Phase.ENDED])
def test_a_run_that_began_to_end_meanwhile_ends_as_it_would_have(lakes: tuple[Lake, Lake], phase: Phase) -> None:
    person, turns = lakes

    def end(writes: int) -> None:
        assert writes == 1
        turn(turns, lambda record: replace(record, phase=phase))

    with before_each_write(person, end):
        record = cancel_run(person, "nightly", RUN, why="not wanted", sleep=lambda _: None)
    assert (record.phase, record.error) == (phase, None)
    assert get_run(turns, "nightly", RUN).record == record
