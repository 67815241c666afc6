"""Child processes that end with this program: each has its own session and is stopped as a group.

As a group, because `dagster dev` ignores SIGINT when it was started in the background, and on SIGTERM does not stop its
own children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

_GRACE_SECONDS = 30
_HURRIED_SECONDS = 12  # the local cloud kills its databases' servers after ten seconds, and no other process does


@dataclass(slots=True)
class ProcessGroup:
    """Several commands that are stopped together when the block ends, also after an error."""

    environment: Mapping[str, str]
    log_folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a command; its output goes to `<name>.log` in the log folder."""
        with self.log_path(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                list(command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log_path(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def dead(self) -> dict[str, int]:
        """The commands that have ended by themselves, with their exit codes."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self) -> None:
        """Ask every group to end, newest first; kill groups that do not end in time.

        A second Ctrl-C shortens that time, and a third ends it: they reach only this process, so children would otherwise
        remain.
        """
        for process in reversed(self._running.values()):
            _signal_group(process, signal.SIGTERM)
        try:
            self._await_ends(_GRACE_SECONDS)
        except BaseException:
            self._await_ends(_HURRIED_SECONDS)
            raise
        finally:
            for process in self._running.values():
                _signal_group(process, signal.SIGKILL)
            for process in self._running.values():
                process.wait()
            self._running.clear()

    def _await_ends(self, seconds: float) -> None:
        """Wait until all have ended, or for this many seconds."""
        deadline = time.monotonic() + seconds
        for process in reversed(self._running.values()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        # Every process of the group has already ended.
        return


def interrupt_on_sigterm() -> None:
    """Make SIGTERM end the program as Ctrl-C does, so that `with` blocks stop their children."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, signal.default_int_handler)
