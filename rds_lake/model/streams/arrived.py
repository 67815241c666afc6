"""One change as the function of `capture: lambda` sends it to Firehose: a line of an object in `_changes/<source>/arrived/`.

    {"id": "6f1c…", "source": "shop", "table": "shop.public.routes", "op": "U", "at": "2026-11-28T03:00:00.123456+00:00",
     "xid": 801, "key": {"id": "7"}, "old": {"id": "7", "v": "a"}, "new": {"id": "7", "v": null}, "omitted": []}

What belongs here: parsing such a line. The function's own check, with more details for authors of triggers, is in
`streams/changes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rds_lake.model.records import load_object, value_of
from rds_lake.model.streams.event import Image, Op

_IMAGES = {Op.INSERT: ("new",), Op.UPDATE: ("old", "new"), Op.DELETE: ("old",), Op.TRUNCATE: ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedChange:
    """A change that arrived. `key`: the primary key's columns with their values after the change, or before a delete."""

    id: str
    source: str
    table: str
    op: Op
    at: datetime
    xid: int | None = None
    key: Image | None = None
    old: Image | None = None
    new: Image | None = None
    omitted: tuple[str, ...] | None = None


def parse_arrived(line: bytes, source: str) -> ArrivedChange:
    """Returns the change of a line of this source. Raises ValueError or RecursionError with the reason if it is not one."""
    change = value_of(ArrivedChange, load_object(line))
    if not change.id:
        raise ValueError("its id is empty")
    if change.source != source:
        raise ValueError(f"it is of source {change.source[:80]!r}")
    missing = [name for name in _IMAGES[change.op] if getattr(change, name) is None]
    if missing:
        raise ValueError(f"{' and '.join(missing)} is needed for op {change.op}")
    return change
