"""The local cloud's own time. DynamoDB, Firehose, Lambda, Redshift and CloudFormation use it for dates, and to decide when a buffer is
written, an attempt repeated, or a state changed.

`POST /_local/clock {"now": "2026-11-20T10:00:00Z"}` moves the clock, which continues from there: a test can have writes of
yesterday. `{}` and a reset set it to the real time again; `GET` shows it.

Everything else uses the real time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rds_lake.localcloud.http.app import ApiError, LocalCloudApp


class Clock:
    """Microseconds since the epoch, as DynamoDB counts. Every method may be called from any thread."""

    def __init__(self, app: LocalCloudApp, *, real: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._real = real
        self._offset = 0
        # The latest stamp: the clock never returns an earlier time.
        self._stamped = 0
        self._lock = threading.Lock()
        app.routes["POST", "/_local/clock"] = self._move
        app.routes["GET", "/_local/clock"] = self._show

    def now(self) -> int:
        """Returns the time; never before a time that `stamp` has returned."""
        with self._lock:
            return max(self._real() + self._offset, self._stamped)

    def stamp(self) -> int:
        """Returns a time for an event that happens now, later than all earlier stamps."""
        with self._lock:
            self._stamped = max(self._real() + self._offset, self._stamped + 1)
            return self._stamped

    def move(self, moment: int | None) -> None:
        """Set the clock to a time, from which it continues; None: to the real time. ApiError 409 if something has a later date."""
        with self._lock:
            offset = 0 if moment is None else moment - self._real()
            if self._real() + offset < self._stamped:
                raise ApiError(
                    "ClockWouldGoBack",
                    f"the clock cannot go back before {in_words(self._stamped)}, when something was written: reset the "
                    "local cloud, or set the clock before tables are created",
                    409,
                )
            self._offset = offset

    def reset(self) -> None:
        """Return to the real time, and forget all stamps."""
        with self._lock:
            self._offset = self._stamped = 0

    def _move(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        unknown = sorted(set(body) - {"now"})
        if unknown:
            raise ApiError("InvalidParameterValue", f"{', '.join(unknown)}: only `now` is known")
        self.move(None if body.get("now") is None else _micros(body["now"]))
        return self._show(body)

    def _show(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"now": in_words(self.now()), "moved": bool(self._offset)}


def in_words(micros: int) -> str:
    """Returns ISO 8601 in UTC with milliseconds, as AWS writes times in manifests."""
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000 // 1000:03d}Z"


def _micros(words: object) -> int:
    try:
        moment = datetime.fromisoformat(str(words))
    except ValueError as error:
        raise ApiError("InvalidParameterValue", f"now {words!r} is not a time like 2026-11-20T10:00:00Z") from error
    if moment.tzinfo is None:
        raise ApiError("InvalidParameterValue", f"now {words!r} names no zone; add Z for UTC")
    return round(moment.timestamp() * 1_000_000)
