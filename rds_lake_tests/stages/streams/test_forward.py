"""What is committed in the database is in exactly one final cut of the lake, whatever happens to the forwarder."""

import threading
from contextlib import closing

import pytest

from rds_lake.database.outbox import outbox
from rds_lake.errors import OutboxBusyError
from rds_lake_tests.stages.streams.forwarder import Forwarder, Steps
from rds_lake_tests.stages.streams.outbox_database import disturb, replay, transfer


def test_changes_of_all_tables_come_to_the_lake_and_leave_the_outbox(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1, 2)
    done = forwarder.forward()
    assert (done.cut, done.rows, len(done.rows_of), done.warnings) == (1, 4, 2, ())
    assert forwarder.captured.outbox_rows() == 0
    forwarder.require_exact()


def test_changes_of_open_transactions_come_with_a_later_cut_although_their_ids_are_lower(forwarder: Forwarder) -> None:
    with closing(
        forwarder.captured.connect()
    ) as slow:  # closed also when this fails: nothing else could drop the tables
        slow.cursor().execute("INSERT INTO accounts VALUES (1, 'slow', 1)")
        forwarder.captured.fill(2)
        forwarder.forward()
        slow.commit()
    forwarder.forward()
    assert [event.new["k"] for _, event in forwarder.events() if event.new] == ["2", "2", "1"]
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_a_change_with_a_lower_id_that_is_committed_after_the_outbox_was_read_comes_with_the_next_cut(
    forwarder: Forwarder,
) -> None:
    """A DELETE of all ids up to the highest one that was read would take it away unread."""
    with closing(forwarder.captured.connect()) as slow:
        slow.cursor().execute("INSERT INTO accounts VALUES (1, 'slow', 1)")
        forwarder.captured.fill(2)

        def commit(step: str) -> None:
            if step.startswith("PUT") and "LIMIT" in "".join(steps.seen):  # all is read; committing again does nothing
                slow.commit()

        steps = Steps(before=commit)
        assert forwarder.forward(steps).rows == 2
    assert forwarder.forward().rows == 1
    forwarder.require_exact()


def test_eight_writers_lose_nothing_and_double_nothing(forwarder: Forwarder) -> None:
    stop, captured = threading.Event(), forwarder.captured
    writers = [threading.Thread(target=disturb, args=(captured, seed, stop)) for seed in range(8)]
    for writer in writers:
        writer.start()
    cuts = rows = 0
    try:
        while cuts < 8 or rows < 200:  # however slow the machine is
            rows += forwarder.forward().rows
            cuts += 1
            stop.wait(0.15)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    forwarder.forward()
    assert len(forwarder.events()) >= 200
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_what_is_committed_while_the_outbox_is_read_comes_with_the_next_cut(forwarder: Forwarder) -> None:
    """In the middle of two pages: a cut is one state of the tables."""
    forwarder.captured.fill(*range(1, 131))

    def meanwhile(step: str) -> None:
        if "LIMIT" in step and pages.append(step) is None and len(pages) == 2:
            forwarder.captured.fill(131)

    pages: list[str] = []
    assert forwarder.forward(Steps(before=meanwhile)).rows == 260
    assert len(pages) > 1
    assert forwarder.forward().rows == 2
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_the_sum_of_transfers_between_two_tables_is_the_same_at_every_cut(
    forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_FIRST_PAGE", 20)  # cuts of many pages
    monkeypatch.setattr(outbox, "_MOST_ROWS", 20)
    captured, stop = forwarder.captured, threading.Event()
    captured.fill(*range(1, 11))
    forwarder.forward()
    writers = [
        threading.Thread(target=transfer, args=(captured, seed, stop), kwargs={"accounts": 10}) for seed in range(4)
    ]
    for writer in writers:
        writer.start()
    with_changes = 0
    try:
        while with_changes < 6:  # however slow the machine is
            stop.wait(0.1)
            with_changes += bool(forwarder.forward().rows)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    state, cuts = {}, 0
    for cuts, events in enumerate(forwarder.events_by_cut(), start=1):
        state = replay(state, events)
        assert sum(int(row["n"] or 0) for row in state.values()) == 30, f"cut {cuts}"
    assert cuts > 5


def test_a_second_forwarder_ends_with_a_sentence_that_says_who_is_at_work(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)
    with forwarder.work().open_outbox() as outbox:
        outbox.claim()
        with pytest.raises(OutboxBusyError, match=r"another process is forwarding .* It is probably"):
            forwarder.forward()
    assert forwarder.forward().rows == 2
