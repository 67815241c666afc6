"""Whatever ends a run ends what it began in threads, within seconds."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.threads import Cancelled, Stop, StoppedError, breaking_off, cancelling_threads, check, in_threads


@given(items=st.lists(st.integers(), max_size=30), threads=st.integers(1, 9))
def test_results_come_in_the_order_of_the_items(items: list[int], threads: int) -> None:
    assert in_threads(lambda item: item * 2, items, threads=threads, name="t") == [item * 2 for item in items]


def test_the_first_error_is_raised_and_nothing_is_begun_after_it() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            raise ValueError("three")

    with pytest.raises(ValueError, match="three"):
        in_threads(work, range(100), threads=1, name="t")
    assert begun == [0, 1, 2, 3]


def test_an_error_is_reported_rather_than_that_others_stopped_for_it() -> None:
    stop, waiting = Stop(), threading.Event()

    def work(item: int) -> None:
        if item == 0:
            waiting.set()
            Stop.wait(stop, 30)
            stop.check()
        waiting.wait(10)
        raise ValueError("the cause")

    with pytest.raises(ValueError, match="the cause"):
        in_threads(work, range(2), threads=2, name="t", stop=stop)


def interrupted(*, patience: float) -> tuple[float, list[threading.Thread]]:
    """Seconds until an interrupt of the waiting thread had its effect, and the threads that were at work then."""
    stop, crew = Stop(), []

    def work(_: int) -> None:
        crew.append(threading.current_thread())
        if len(crew) == 2:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        for _ in count():
            time.sleep(0.01)
            stop.check()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(2), threads=2, name="t", stop=stop, patience=patience)
    return time.monotonic() - began, crew


def test_an_interrupt_ends_all_threads_before_it_is_reported() -> None:
    seconds, crew = interrupted(patience=300)
    assert seconds < 60 and not any(thread.is_alive() for thread in crew)


def test_a_call_that_hangs_keeps_neither_the_run_nor_the_process() -> None:
    script = """
        import os, signal, threading, time
        from rds_lake.threads import in_threads
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            in_threads(lambda _: time.sleep(300), range(3), threads=3, name="hangs", patience=0.2)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "interrupted\n"


def test_a_long_sleep_ends_when_told() -> None:
    stop, slept = Stop(), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 2:
            stop.set()

    with pytest.raises(StoppedError):
        stop.pausing(sleep)(3600)
    assert 2 < sum(slept) < 4


@given(seconds=st.floats(0, 20))
def test_a_sleep_nobody_ends_is_as_long_as_asked_for(seconds: float) -> None:
    slept: list[float] = []
    Stop().pausing(slept.append)(seconds)
    assert sum(slept) == pytest.approx(seconds)


def test_a_stream_is_not_read_on_after_the_end() -> None:
    stop = Stop()
    stream = stop.reading(io.BytesIO(b"0123456789"))
    assert stream.read(4) == b"0123"
    stop.set()
    with pytest.raises(StoppedError):
        stream.read(4)


def test_nothing_is_begun_for_whoever_was_told_to_stop_before() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        in_threads(lambda _: pytest.fail("begun"), [1], threads=1, name="t", stop=stop)


def test_an_interrupt_that_a_thread_of_the_pool_gets_ends_the_pool_too() -> None:
    """The system may give a signal to any thread; only the main thread acts on it, and only when it is not asleep."""
    began = time.monotonic()

    def work(number: int) -> None:
        if number == 0:
            time.sleep(0.2)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        while time.monotonic() < began + 300:
            time.sleep(0.01)
            check()

    with pytest.raises(KeyboardInterrupt), cancelling_threads(2, "pool") as pool:
        list(pool.map(work, range(2)))
    assert time.monotonic() - began < 60


def test_a_time_out_within_the_work_is_its_result_and_no_reason_to_go_on_waiting() -> None:
    def work(_: int) -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"), cancelling_threads(1, "pool") as pool:
        list(pool.map(work, range(1)))


def test_an_error_is_raised_while_another_call_hangs() -> None:
    released, ended = threading.Event(), []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError("one")
        released.wait(30)
        ended.append(item)

    with pytest.raises(ValueError, match="one"):
        in_threads(work, range(2), threads=2, name="t", patience=0.1)
    assert not ended
    released.set()


def test_threads_within_threads_end_as_their_outermost_caller_does() -> None:
    begun, running = threading.Event(), []

    def forever(_: int) -> None:
        begun.set()
        while True:
            check()
            time.sleep(0.01)

    with pytest.raises(ZeroDivisionError), cancelling_threads(1, "outer") as pool:
        running.append(pool.submit(in_threads, forever, [1], threads=1, name="inner"))
        begun.wait(5)
        raise ZeroDivisionError
    assert isinstance(running[0].exception(), Cancelled), "not StoppedError, which callers of in_threads handle"


def test_the_first_error_is_what_the_caller_gets_whatever_follows_from_it() -> None:
    def following() -> None:
        try:
            while True:
                check()
                time.sleep(0.01)
        except Cancelled:
            raise RuntimeError("a consequence") from None

    with pytest.raises(ZeroDivisionError), cancelling_threads(2, "t") as pool:
        consequence = pool.submit(following)
        pool.submit(divmod, 1, 0)
        assert isinstance(consequence.exception(), RuntimeError)
        raise Cancelled


def test_what_a_thread_begins_after_it_was_interrupted_is_interrupted_as_well() -> None:
    begun, again, interrupts = threading.Event(), threading.Event(), count()

    def interrupt() -> None:
        if next(interrupts):
            again.set()

    def statement(_: int) -> None:
        begun.set()
        assert again.wait(30), "the first interrupt came before the statement"

    with pytest.raises(KeyboardInterrupt), cancelling_threads(1, "t", interrupt=interrupt) as pool:
        pool.submit(statement, 1)
        begun.wait(30)
        raise KeyboardInterrupt
    assert again.is_set()


def test_what_a_thread_waits_for_in_a_pool_of_its_own_is_interrupted_when_another_thread_fails() -> None:
    """The inner work does not look whether anybody waits for it: its pool's `interrupt` is what ends it."""
    begun, interrupted, ended = threading.Event(), threading.Event(), []

    def statement() -> None:
        begun.set()
        ended.append(interrupted.wait(30))

    def within(number: int) -> None:
        if number:
            begun.wait(30)
            raise ZeroDivisionError
        with cancelling_threads(1, "inner", interrupt=interrupted.set) as inner:
            inner.submit(statement).result()

    with pytest.raises(ZeroDivisionError), cancelling_threads(2, "outer") as pool:
        list(pool.map(within, range(2)))
    assert ended == [True], "it was waited for until it ended by itself"


def test_a_wait_that_looks_at_nothing_is_broken_off_and_what_it_gave_is_not_used() -> None:
    waiting, over, used, running = threading.Event(), threading.Event(), [], []

    def wait(_: int) -> None:
        with breaking_off(over.set):
            waiting.set()
            over.wait(30)
        used.append("a part")

    with pytest.raises(ZeroDivisionError), cancelling_threads(1, "t") as pool:
        running.append(pool.submit(wait, 1))
        waiting.wait(30)
        raise ZeroDivisionError
    assert over.is_set() and not used
    assert isinstance(running[0].exception(), Cancelled)


def test_what_is_waited_for_no_more_is_not_broken_off() -> None:
    stop, ends = Stop(), []

    def wait(_: int) -> None:
        with breaking_off(lambda: ends.append("broken off")):
            pass

    in_threads(wait, range(3), threads=2, name="t", stop=stop)
    stop.set()
    assert ends == []
