"""Converts a row of the outbox to an event; one bad row must not stop the others."""

from __future__ import annotations

import json

from rds_lake.database.outbox.outbox import OutboxRow
from rds_lake.errors import ManifestError
from rds_lake.model.records import RECORD_ERRORS, load_object, value_of
from rds_lake.model.streams.event import ChangeEvent, Image, Op


def event_of(row: OutboxRow) -> ChangeEvent:
    """Returns the row's event; unreadable values are in `unread`. Raises ManifestError for an operation that no trigger writes."""
    unread: dict[str, str] = {}
    old, new = _image("old_image", row.old, unread), _image("new_image", row.new, unread)
    omitted = _omitted(row.omitted, unread)
    try:
        op = Op(row.op)
    except ValueError:
        raise ManifestError(
            f"row {row.seq} of rds_lake.outbox, of {row.schema}.{row.table}, has the operation {row.op[:20]!r}, which no trigger "
            "writes: nothing is forwarded until a person corrects or deletes the row"
        ) from None
    if unread:
        return ChangeEvent(seq=row.seq, op=op, at=row.at, xid=row.xid, unread=unread)
    return ChangeEvent(seq=row.seq, op=op, at=row.at, xid=row.xid, old=old, new=new, omitted=omitted)


def _image(column: str, text: str | None, unread: dict[str, str]) -> Image | None:
    if text is None:
        return None
    try:
        image = load_object(text)
    except RECORD_ERRORS:
        unread[column] = text
        return None
    if all(value is None or type(value) is str for value in image.values()):
        return image
    unread[column] = text
    return None


def _omitted(text: str | None, unread: dict[str, str]) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        return value_of(tuple[str, ...], json.loads(text))
    except RECORD_ERRORS:
        unread["omitted"] = text
        return ()
