"""Whether a source's changes are compacted or removed right now: `<prefix>/_compacted/<source>/_in_use.json`.

    {"version": 1, "entries": {"3f9c2d71ab04": {"what": "turn", "since": "…"}}}

Compaction reads cuts and names files that nothing else names yet; a removal takes both away. So neither begins while the other is
at work. Two turns at once, and two removals, do no harm. An entry whose process was killed counts for its `LIFETIMES`.

What belongs here: these entries. For dates there is `stages/lake/in_use.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from rds_lake.errors import RdsLakeError, UnavailableError
from rds_lake.model.records import read_record, render_record
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text

What = Literal["turn", "removal"]
# Longer than either takes. A removal that was killed keeps the live views from moving, so it is forgotten sooner.
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
    """Compact or remove changes of the source until the block ends. UnavailableError while the other is at work."""
    clock = now or (lambda: datetime.now(UTC))
    token = uuid.uuid4().hex[:12]

    def enter(entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
        other = next((entry for entry in entries.values() if entry.what != what), None)
        if other is not None:
            raise UnavailableError(_why(source, other))
        return {**entries, token: Entry(what=what, since=clock())}

    _change(lake, source, clock, enter)
    try:
        yield
    finally:
        try:
            _change(lake, source, clock, lambda entries: {name: one for name, one in entries.items() if name != token})
        except RdsLakeError as error:
            # What was to be done is done; the entry keeps the others away until it is forgotten.
            log(f"changes of {source} still count as in use ({error}); that is forgotten after {LIFETIMES[what]}")


def _why(source: str, other: Entry) -> str:
    since = f"since {other.since:%Y-%m-%d %H:%M} UTC"
    if other.what == "turn":
        return f"changes of {source} stay: they are being compacted {since}"
    return (
        f"changes of {source} are being removed by `retention:` or `rds-lake prune` {since}; again later, or an hour after it "
        "was killed"
    )


def _change(
    lake: Lake,
    source: str,
    clock: Callable[[], datetime],
    change: Callable[[Mapping[str, Entry]], Mapping[str, Entry]],
) -> None:
    key = lake.layout.compacted_key(source, "_in_use.json")
    remedy = "delete it, when nothing compacts or removes changes of the source"

    def changed(text: str | None) -> str | None:
        entries: Mapping[str, Entry] = {}
        if text is not None:
            entries = read_record(_Entries, text, where=lake.layout.uri(key), known=(1,), remedy=remedy).entries
        alive = {token: entry for token, entry in entries.items() if clock() - entry.since < LIFETIMES[entry.what]}
        wanted = change(alive)
        return render_record({"entries": {token: asdict(one) for token, one in sorted(wanted.items())}}, version=1)

    change_text(lake.s3, lake.layout.bucket, key, changed, kms_key=lake.kms_key)
