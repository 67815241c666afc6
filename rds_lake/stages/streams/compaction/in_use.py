"""Marks that changes of a source are being compacted or removed: `<prefix>/_compacted/<source>/_in_use.json`.

    {"version": 1, "entries": {"3f9c2d71ab04": {"what": "turn", "since": "…"}}}

Compaction reads cuts and writes files that no record names yet; a removal deletes both. So neither begins while the other
works. Two turns at once, or two removals, do no harm. The entry of a killed process expires after its time in `LIFETIMES`.

What belongs here: which of these excludes which. The object, and the entries of dates, are `stages/lake/in_use.py`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from rds_lake.stages.lake.in_use import Entries
from rds_lake.stages.lake.lake import Lake

What = Literal["turn", "removal"]
# Longer than either takes. A killed removal stops the live views from moving, so its entry expires sooner.
LIFETIMES: Mapping[What, timedelta] = {"turn": timedelta(hours=6), "removal": timedelta(hours=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One process at work."""

    what: What
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """The object."""

    entries: Mapping[str, Entry]


@contextmanager
def using_changes(
    lake: Lake, source: str, what: What, *, log: Callable[[str], None], now: Callable[[], datetime] | None = None
) -> Iterator[None]:
    """Marks the source until the block ends. Raises UnavailableError while the opposite work is in progress."""
    clock = now or (lambda: datetime.now(UTC))
    entries: Entries[Entry] = Entries(
        s3=lake.s3,
        bucket=lake.layout.bucket,
        key=lake.layout.compacted_key(source, "_in_use.json"),
        kms_key=lake.kms_key,
        kind=_Entries,
        lifetime=lambda entry: LIFETIMES[entry.what],
        remedy="delete it, when nothing compacts or removes changes of the source",
        now=clock,
        new_token=lambda: uuid.uuid4().hex[:12],
        sleep=time.sleep,
    )

    def refused(others: Collection[Entry]) -> str | None:
        other = next((entry for entry in others if entry.what != what), None)
        return _why(source, other) if other else None

    with entries.entered(Entry(what=what, since=clock()), refused, log=log):
        yield


def _why(source: str, other: Entry) -> str:
    since = f"since {other.since:%Y-%m-%d %H:%M} UTC"
    if other.what == "turn":
        return f"changes of {source} stay: they are being compacted {since}"
    return (
        f"changes of {source} are being removed by `retention:` or `rds-lake prune` {since}; again later, or an hour after it "
        "was killed"
    )
