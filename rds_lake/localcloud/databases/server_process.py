"""A database server as a process of this program: waiting until it answers, and ending it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.05


def await_server(process: subprocess.Popen[Any], connect: Callable[[], object], *, refused: type[Exception]) -> None:
    """Wait until `connect` succeeds. Raises its last `refused` if the process has ended, or after 30 seconds."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            connect()
            return
        except refused:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)


def end_server(process: subprocess.Popen[Any], number: int) -> None:
    """Send the signal, and SIGKILL if the process has not ended ten seconds later."""
    process.send_signal(number)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
