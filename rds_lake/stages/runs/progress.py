"""Progress of long work: a line in the run's log every few seconds, not one per object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.model.words import counted

_SECONDS = 5.0


@dataclass(slots=True)
class Progress:
    """Logs how many objects and bytes are done. `bytes` is None if only footers are read; `clock` gives monotonic seconds."""

    objects: int
    bytes: int | None
    log: Callable[[str], None]
    clock: Callable[[], float]
    _objects_done: int = 0
    _bytes_done: int = 0
    _last: float | None = None

    def done(self, size: int) -> None:
        """Counts one finished object of this size in bytes."""
        self._objects_done += 1
        self._bytes_done += size
        now = self.clock()
        self._last = now if self._last is None else self._last
        if now - self._last >= _SECONDS:
            self._last = now
            self.log(
                f"read {self._objects_done:,} of {self.objects:,} footers"
                if self.bytes is None
                else f"copied {self._objects_done:,} of {counted(self.objects, 'object')}, "
                f"{self._bytes_done:,} of {self.bytes:,} bytes"
            )
