"""The lock file that lets only one pull at a time write to a DuckDB file.

The operating system releases the lock when the process ends, also after a crash (https://man7.org/linux/man-pages/man2/flock.2.html).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rds_lake.errors import PullError


@contextmanager
def alone_at(path: Path) -> Iterator[None]:
    """Hold the lock file of `path` during the block, and delete it afterwards. PullError if another pull holds it.

    An OSError names the file that could not be created.
    """
    lock = path.with_name(f"{path.name}.partial.lock")
    held = _held(lock)
    if held is None:
        raise PullError(f"another rds-lake pull is writing to {path}; wait until it ends, then repeat the command")
    try:
        yield
    finally:
        # Deleted before it is unlocked: a pull that has opened this file is refused, a later pull creates a new file.
        lock.unlink(missing_ok=True)
        os.close(held)


def _held(lock: Path) -> int | None:
    """Returns the descriptor of the locked file, or None if another pull holds the lock."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another pull deleted this file at the same moment
