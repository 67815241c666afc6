"""Limits the rate of a scan to a share of the table's read capacity, and to less while DynamoDB throttles."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_LEAST = 0.05  # of the target: a scan that is always throttled still proceeds
_RECOVERY = 1.02  # per page that was not throttled
_FIRST_LIMIT = 25
_MOST_ITEMS = 10_000  # a page ends at 1 MB anyway
_PAGE_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Pace:
    """Read units per second, shared by all threads of a scan. `clock` gives monotonic seconds, `sleep` waits them."""

    target: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    rate: float = field(init=False)
    _free_at: float = field(init=False)
    _units_per_item: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.rate = self.target
        self._free_at = self.clock()

    def limit(self, threads: int) -> int:
        """Returns how many items a thread's next page may have: about one second of its share of the rate."""
        with self._lock:
            if self._units_per_item is None:
                return _FIRST_LIMIT
            share = self.rate * _PAGE_SECONDS / threads
            return max(1, min(_MOST_ITEMS, int(share / self._units_per_item)))

    def refused(self) -> None:
        """Halves the rate after DynamoDB throttled a request, and waits as long as a page takes."""
        with self._lock:
            self.rate = max(self.target * _LEAST, self.rate * 0.5)
        self.sleep(_PAGE_SECONDS)

    def spent(self, units: float, items: int, *, throttled: bool) -> None:
        """Counts the read units of a page, and waits until the rate allows them."""
        with self._lock:
            if items:
                seen = units / items
                known = self._units_per_item
                self._units_per_item = seen if known is None else 0.8 * known + 0.2 * seen
            factor = 0.5 if throttled else _RECOVERY
            self.rate = min(self.target, max(self.target * _LEAST, self.rate * factor))
            now = self.clock()
            self._free_at = max(self._free_at, now) + units / self.rate
            wait = self._free_at - now
        if wait > 0:
            self.sleep(wait)
