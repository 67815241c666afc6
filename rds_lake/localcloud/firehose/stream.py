"""One delivery stream: its buffer, and the objects it writes."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.firehose.destination import Destination
from rds_lake.localcloud.firehose.prefixes import evaluate
from rds_lake.localcloud.permissions.acting import Acting

SECOND = 1_000_000
# How long records wait for S3 before they are lost. https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
_KEPT = 24 * 3600 * SECOND
_PAUSE = 60 * SECOND
Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class _Buffer:
    """Records and when each arrived (microseconds)."""

    records: list[bytes] = field(default_factory=list)
    oldest: int = 0
    size: int = 0


class Stream:
    """Buffers records and writes them in objects, with the permissions that `acting()` returns at that time.

    Every method may be called from any thread.
    """

    def __init__(self, *, name: str, destination: Destination, acting: Callable[[], Acting], created: int) -> None:
        self.name, self.destination, self.created = name, destination, created
        self._acting = acting
        self.version, self.encrypted, self.tags = 1, False, dict[str, str]()
        self._buffer = _Buffer()
        self._lock = threading.Lock()
        # Held while an object is written, so that objects are written one at a time.
        self._writing = threading.Lock()
        self._not_before = 0
        self._problem: str | None = None
        self._lost = 0

    def change(self, destination: Destination, acting: Callable[[], Acting]) -> None:
        """Use another destination from now on, also for buffered records."""
        with self._writing, self._lock:
            self.destination, self._acting = destination, acting
            self.version += 1

    def add(self, records: list[bytes], now: int) -> None:
        """Take records that arrive now."""
        with self._lock:
            if records and not self._buffer.records:
                self._buffer.oldest = now
            self._buffer.records += records
            self._buffer.size += sum(map(len, records))

    def due(self) -> int | None:
        """Returns when the buffer must be written (0: at once); None while it is empty."""
        with self._lock:
            if not self._buffer.records:
                return None
            full = self._buffer.size >= self.destination.size
            return max(0 if full else self._buffer.oldest + self.destination.seconds * SECOND, self._not_before)

    def write(self, now: int) -> str | None:
        """Write the buffer; returns the object's key. Records that S3 refuses are kept for a day, and tried again every minute."""
        with self._writing:
            with self._lock:
                taken, self._buffer = self._buffer, _Buffer()
            if not taken.records:
                return None
            try:
                return self._put(taken)
            except ClientError as error:
                self._keep(taken, now, str(error))
                return None

    def shown(self) -> Json:
        """Returns the stream for `GET /_local/firehose`. `lost`: records that S3 did not accept for a day."""
        with self._lock:
            waiting = {"records": len(self._buffer.records), "bytes": self._buffer.size}
            return waiting | {"problem": self._problem, "lost": self._lost}

    def _put(self, taken: _Buffer) -> str:
        moment = datetime.fromtimestamp(taken.oldest / SECOND, UTC)
        to = self.destination
        prefix = evaluate(to.prefix, moment, lambda: secrets.token_hex(6)[:11])
        key = f"{prefix}{self.name}-{self.version}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{to.extension}"
        acting = self._acting()
        s3 = acting.clients.client("s3", acting.region)
        s3.put_object(Bucket=to.bucket, Key=key, Body=to.body(taken.records), **to.encryption)
        self._problem, self._not_before = None, 0
        return key

    def _keep(self, taken: _Buffer, now: int, problem: str) -> None:
        with self._lock:
            self._problem, self._not_before = problem, now + _PAUSE
            if now - taken.oldest > _KEPT:
                self._lost += len(taken.records)
                return
            later = self._buffer
            self._buffer = _Buffer(
                records=taken.records + later.records, oldest=taken.oldest, size=taken.size + later.size
            )
