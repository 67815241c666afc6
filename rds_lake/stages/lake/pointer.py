"""The pointer `<prefix>/_manifests/<source>/_published.json`: the published date, and publications that have not ended.

    {"version": 1, "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "rolled_back_from": null,
     "rolled_back": [], "views": {"orders": {"statement": "<digest>", "stored": "<digest>"}, …},
     "moves": [{"snapshot_date": "2026-11-21", "views": ["orders", …], "token": "3f9c2d71ab04", "since": "…"}]}

It is only replaced if it has not changed since it was read, so that one of two publications at once notices the other. Each
publication has an entry in `moves` from before its first view moves until all views are read back. An entry that remains
belongs to a killed or failed publication: views may show its date until the source is published again because of
`repairs_due`.

What belongs here: reading and writing it. Its values and rules are `model/lake/publication.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.publication import Moving, Pointer
from rds_lake.model.records import read_record, render_record
from rds_lake.stages.lake.lake import Lake

_VERSION = 1
# Longer than a replacement of views can take: Athena ends a DDL statement after ten minutes.
ABANDONED = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishState:
    """The published date of a source, publications that have not ended, and the version of the pointer's object."""

    pointer: Pointer | None = None
    moves: tuple[Moving, ...] = ()
    etag: str | None = None

    @property
    def moving(self) -> Moving | None:
        """The newest publication that has not ended."""
        return self.moves[-1] if self.moves else None

    def under_way(self, now: datetime) -> tuple[Moving, ...]:
        """Publications that may still be running; those that began longer ago than `ABANDONED` were killed or failed."""
        return tuple(move for move in self.moves if move.since is not None and now - move.since < ABANDONED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Views of a source that may show another date than the published one. `key` names the failed publication."""

    key: str
    snapshot_date: date
    because: str


def repairs_due(state: PublishState, source: str, *, now: datetime) -> Repair | None:
    """Returns the published date if a killed or failed publication may have moved views; otherwise None (pure).

    Publishing that date again (`catalog` and the views) corrects every view and removes the mark.
    """
    abandoned = [move for move in state.moves if move not in state.under_way(now)]
    if not abandoned or state.pointer is None:
        return None
    last, shown = abandoned[-1], state.pointer.snapshot_date
    return Repair(
        key=f"repair:{source}:{last.token or last.snapshot_date}",
        snapshot_date=shown,
        because=f"a publication of {last.snapshot_date} was killed or failed; every view is moved to {shown}",
    )


def read_state(s3: S3Gateway, layout: LakeLayout, source: str) -> PublishState:
    """Returns the pointer's object; empty if there is none. Raises ManifestError if it is damaged."""
    key = layout.published_key(source)
    version = s3.find_version(layout.bucket, key)
    if version is None:
        return PublishState()
    text, etag = version
    state = read_record(
        PublishState,
        text,
        where=layout.uri(key),
        known=(_VERSION,),
        first=_VERSION,  # releases before 0.2 wrote none
        remedy="delete it and materialize the newest date again",
        shaped=_shape,
    )
    return replace(state, etag=etag)


def find_pointer(s3: S3Gateway, layout: LakeLayout, source: str) -> Pointer | None:
    """Returns the source's pointer; None if nothing was ever published."""
    return read_state(s3, layout, source).pointer


def write_state(
    lake: Lake, source: str, state: PublishState, *, new_edition: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
) -> PublishState:
    """Replaces the version that was read. Raises ConflictError if another publication replaced it first.

    S3's ETag only depends on the content. Without a new edition number, a publication in between that moved views and left the
    same content would not be noticed.
    """
    text = render_record(_render(state) | {"edition": new_edition()}, version=_VERSION)
    key = lake.layout.published_key(source)
    try:
        etag = lake.s3.replace_text(lake.layout.bucket, key, text, etag=state.etag, kms_key=lake.kms_key)
    except ConflictError:
        # If the answer to a PUT is lost, it is sent again and conflicts with itself.
        stored = lake.s3.find_version(lake.layout.bucket, key)
        if stored is None or stored[0] != text:
            raise
        etag = stored[1]
    return replace(state, etag=etag)


def _render(state: PublishState) -> dict[str, Any]:
    body = asdict(state.pointer) if state.pointer is not None else {}
    if "views" in body:
        body["views"] = dict(sorted(body["views"].items()))
    return body | {"moves": [asdict(move) for move in state.moves]}


def _shape(body: dict[str, Any]) -> dict[str, Any]:
    """The object in the shape of a `PublishState`."""
    old = body.get("moving")  # earlier releases recorded one publication at a time
    moves = [*body.get("moves", []), *([] if old is None else [old])]
    if "snapshot_date" not in body and (moves or "moves" in body):
        return {"moves": moves}
    views = {name: _shape_of_view(view) for name, view in body["views"].items()}
    return {"pointer": body | {"views": views}, "moves": moves}


def _shape_of_view(body: Any) -> Any:
    # Earlier releases recorded only the statement: the view is created again once.
    return {"statement": body, "stored": ""} if isinstance(body, str) else body
