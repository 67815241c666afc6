"""A disk without room: the system refuses every file that would be longer than some bytes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = 64


@contextmanager
def no_room() -> Iterator[None]:
    """Within it this process can write no file of more than 64 bytes: OSError `File too large`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def leave_no_room() -> None:
    """The same for the rest of a process's life: `preexec_fn` of a process that is started."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_BYTES, _BYTES))
