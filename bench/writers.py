"""Several writers of a database at once: what the processor does for a transaction of theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

_WRITERS = 4
_WARM = 50  # transactions of a new connection, which reads and compiles what the triggers do

Session = TypeVar("Session")


def seconds_of_a_transaction(
    open_session: Callable[[], AbstractContextManager[Session]],
    transaction: Callable[[Session, int], None],
    processor_seconds: Callable[[Session], float],
    seconds: float,
) -> float:
    """Processor seconds of a transaction, the writers' own included, over so many seconds.

    `transaction` gets a number that no other one has; `processor_seconds` returns what the server has done for a session so far.
    """
    done, spent = [0] * _WRITERS, [0.0] * _WRITERS

    def write(writer: int) -> None:
        first = writer * 10**9
        with open_session() as session:
            for at in range(_WARM):
                transaction(session, first + at)
            began, end = processor_seconds(session) + time.thread_time(), time.perf_counter() + seconds
            while time.perf_counter() < end:
                transaction(session, first + _WARM + done[writer])
                done[writer] += 1
            spent[writer] = processor_seconds(session) + time.thread_time() - began

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(spent) / max(sum(done), 1)
