"""A forwarder that is killed after any statement and any write, once or twice: nothing is lost, nothing doubled."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from rds_lake.errors import OutboxBusyError
from rds_lake_tests.stages.streams.forwarder import Forwarder, Killed, Steps


def test_a_forwarder_killed_after_any_step_loses_and_doubles_nothing(forwarder: Forwarder) -> None:
    last = 0
    forwarder.captured.fill(1)
    for last, _ in forwarder.deaths():
        forwarder.captured.fill(1000 + last)
        assert forwarder.forward().rows >= 2
        forwarder.captured.fill(2000 + last)
    forwarder.require_exact()
    assert last >= 15, "a forwarder has at least so many steps"


@pytest.mark.exhaustive
def test_a_forwarder_killed_while_it_makes_good_for_a_killed_one_loses_and_doubles_nothing(
    forwarder: Forwarder,
) -> None:
    """The first dies between its manifest and its commit: the second replaces that manifest."""
    whole = Steps()
    forwarder.captured.fill(1)
    forwarder.forward(whole)
    before_commit = 1 + next(
        at for at, step in enumerate(whole.seen) if step.startswith("PUT") and step.endswith("1.json")
    )
    number = 0
    while True:
        number += 1
        forwarder.captured.fill(2000 + number)
        with suppress(Killed):
            forwarder.forward(Steps(die_after=before_commit))
        forwarder.captured.fill(3000 + number)
        second = Steps(die_after=number)
        with suppress(Killed):
            forwarder.forward(second)
        if len(second.seen) < number:
            break
        forwarder.forward()
    assert number >= 15
    forwarder.require_exact()


def test_a_second_forwarder_before_any_step_of_the_first_loses_and_doubles_nothing(forwarder: Forwarder) -> None:
    """Whoever has locked the position goes on, and the other ends with a sentence."""
    number, busy = 0, 0
    while True:
        forwarder.captured.fill(1000 + number)
        steps, second = Steps(), iter([number])

        def meanwhile(_: str, steps: Steps = steps, second: Iterator[int] = second, number: int = number) -> None:
            nonlocal busy
            if len(steps.seen) == number and next(second, None) is not None:
                try:
                    forwarder.forward()
                except OutboxBusyError:
                    busy += 1

        steps.before = meanwhile
        forwarder.forward(steps)
        number += 1
        if next(second, None) is not None:
            break
    forwarder.forward()
    assert number >= 12 and busy >= 8
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_an_interrupt_leaves_no_file_that_no_manifest_names(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)

    def interrupt(step: str) -> None:
        if step.endswith("00001.jsonl.gz"):
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        forwarder.forward(Steps(before=interrupt))
    assert [key for key in forwarder.keys() if "cut=" in key] == []
    forwarder.forward()
    forwarder.require_exact()
