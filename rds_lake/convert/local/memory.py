"""Where Arrow takes memory from while a table is converted.

What belongs here: this one choice, and giving it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def steady_memory() -> Iterator[None]:
    """The system's allocator instead of Arrow's own.

    A conversion asks for the same sizes again and again. Arrow's allocator gives them back to the kernel in between, which
    then has to clear them anew: a tenth of all CPU, and 60 MB more at the peak.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
