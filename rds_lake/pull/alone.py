"""One pull at a time into a file: the lock that a pull has while it writes there.

The system gives the lock back when the process ends, however it ends (https://man7.org/linux/man-pages/man2/flock.2.html).
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
    """Be the only pull into `path` meanwhile, by a file beside it that is gone afterwards; PullError where another is.

    An OSError names the file that could not be made.
    """
    lock = path.with_name(f"{path.name}.partial.lock")
    held = _held(lock)
    if held is None:
        raise PullError(f"another rds-lake pull writes to {path} now; wait for its end, and repeat")
    try:
        yield
    finally:
        # Before it is given back: whoever opened it until now is refused, and whoever comes later makes another.
        lock.unlink(missing_ok=True)
        os.close(held)


def _held(lock: Path) -> int | None:
    """The locked file's descriptor; None where another pull has it."""
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
        os.close(descriptor)  # it was another pull's, which removed it in this moment
