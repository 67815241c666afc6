"""A lease in S3, for work that only one of several runs may do at a time; the others wait.

    {"holder": "3f9c2d71ab04", "beat": 17}      free: {"holder": null, "beat": 18}

Its holder rewrites it every few seconds. A run that sees it unchanged for longer, by its own clock, takes it over, as the
holder was killed or hangs. It is only replaced if it has not changed since it was read, so that only one run gets it, and a
slow holder notices the loss. The guarded work must tolerate that both do it for a moment.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError, ExportTimeoutError, RdsLakeError
from rds_lake.threads import PATIENCE, Stop

_BEAT = 4.0  # seconds between two of the holder's writes
_DEAD = 15.0  # seconds without one
_POLL = 2.0


@dataclass(slots=True, kw_only=True)
class Lease:
    """A lease that one run holds. `lost`: another run has taken it over."""

    s3: S3Gateway
    bucket: str
    key: str
    kms_key: str | None
    holder: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    lost: bool = False
    _etag: str | None = None
    _beats: int = 0

    def take(
        self,
        *,
        is_done: Callable[[], bool],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        timeout_seconds: float,
        log: Callable[[str], None],
    ) -> bool:
        """Waits until the lease is free and takes it; returns False if the work `is_done` meanwhile.

        Raises ExportTimeoutError after the time-out.
        """
        began = since = clock()
        seen: str | None = None
        while not is_done():
            text, self._etag = self.s3.find_version(self.bucket, self.key) or ("", None)
            if self._etag != seen:
                if seen is None and _holder(text):
                    log(f"another run does this already ({self._where}); waiting until it ends")
                seen, since = self._etag, clock()
            if not _holder(text) or clock() - since > _DEAD:
                try:
                    self._write(self.holder)
                except ConflictError:
                    continue
                return True
            if clock() - began > timeout_seconds:
                raise ExportTimeoutError(
                    f"another run has held {self._where} for more than {timeout_seconds / 3600:.1f} h; wait until it ends, or end "
                    "it, then materialize the date again"
                )
            sleep(_POLL)
        return False

    @contextmanager
    def held(self, stop: Stop) -> Iterator[None]:
        """Renews the lease during the block and releases it at the end. `stop` is set if the lease is lost."""
        ended = Stop()

        def beat() -> None:
            while not ended.wait(_BEAT):
                if not self._beat():
                    self.lost = True
                    stop.set()
                    return

        thread = threading.Thread(target=beat, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(PATIENCE)
            if not self.lost:
                self._let_go()

    def _beat(self) -> bool:
        """Renews the lease; returns False if another run has taken it. After other errors the next beat tries again."""
        try:
            self._write(self.holder)
        except ConflictError:
            return self._is_mine()
        except RdsLakeError:
            return True
        return True

    def _is_mine(self) -> bool:
        """After a conflict: the answer to a write that succeeded may have been lost on its way."""
        try:
            text, etag = self.s3.find_version(self.bucket, self.key) or ("", None)
        except RdsLakeError:
            return True
        if _holder(text) != self.holder:
            return False
        self._etag = etag
        return True

    def _let_go(self) -> None:
        try:
            self._write(None)
        except RdsLakeError:
            return  # other runs find it unchanged, and take it a little later

    def _write(self, holder: str | None) -> None:
        self._beats += 1
        text = json.dumps({"holder": holder, "beat": self._beats})
        self._etag = self.s3.replace_text(self.bucket, self.key, text, etag=self._etag, kms_key=self.kms_key)

    @property
    def _where(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def _holder(text: str) -> str | None:
    """Returns the holder; None if the lease is free or damaged. A damaged lease is no error, since the next holder replaces it."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    holder = body.get("holder") if isinstance(body, dict) else None
    return holder if isinstance(holder, str) else None
