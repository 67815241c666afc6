"""Ends the processes that a test started, where the test's own process cannot: it was killed, and no `finally` ran.

A child in a session of its own gets no signal when its parent dies. So a small process beside it (this file, run by itself) reads a
pipe whose other end only the test's process holds: the pipe ends with that process, however it ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_GRACE_SECONDS = 30.0  # the local cloud stops its databases meanwhile, which are in sessions of their own
_DONE = b"done"


@contextmanager
def not_outliving(process: subprocess.Popen[str]) -> Iterator[None]:
    """While the block runs, the group of this process (`start_new_session=True`) ends if the process that runs the block does."""
    command = [sys.executable, "-I", "-S", __file__, str(process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        assert watcher.stdin is not None
        try:
            yield
        finally:
            watcher.stdin.write(_DONE)


def end_group(process: subprocess.Popen[str], *, seconds: float = _GRACE_SECONDS) -> None:
    """Ask all of the process's group to end, and kill who has not after so many seconds."""
    _end(process.pid, seconds, reap=process.poll)


def _end(group: int, seconds: float, *, reap: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            reap()  # a child that ended and was not waited for is a member still
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    if sys.stdin.buffer.read() != _DONE:
        _end(int(sys.argv[1]), _GRACE_SECONDS)
