"""Ctrl-C at a chosen moment, as the main thread gets it from a terminal, from SIGTERM by Dagster, or from a test here."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupted(when: Callable[[], object], *, seconds: float = 30) -> Iterator[None]:
    """Interrupt the main thread once it is so; at the latest after so many seconds."""

    def watch() -> None:
        deadline = time.monotonic() + seconds
        while not over.is_set() and not when() and time.monotonic() < deadline:
            time.sleep(0.005)
        if not over.is_set():
            signal.pthread_kill(main, signal.SIGINT)

    over, main = threading.Event(), threading.main_thread().ident or 0
    watcher = threading.Thread(target=watch, name="interrupts")
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
