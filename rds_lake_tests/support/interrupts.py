"""What may happen to a process: Ctrl-C at a chosen moment, as from a terminal or by Dagster's SIGTERM, and a disk without room."""

import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MOST_BYTES = 64  # of a file, where the disk has no room


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


@contextmanager
def no_room() -> Iterator[None]:
    """Within it this process can write no file of more than 64 bytes: OSError `File too large`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def leave_no_room() -> None:
    """The same for the rest of a process's life: `preexec_fn` of a process that is started."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
