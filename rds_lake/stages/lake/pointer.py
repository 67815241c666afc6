"""The pointer `<prefix>/_manifests/<source>/_published.json`: what is published, and the flips that were begun.

    {"version": 1, "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "rolled_back_from": null,
     "views": {"orders": {"statement": "<digest>", "stored": "<digest>"}, …},
     "moves": [{"snapshot_date": "2026-11-21", "views": ["orders", …], "token": "3f9c2d71ab04", "since": "…"}]}

It is only ever replaced in the version that was read, so that of two publications at once one notices the other. Each has
an entry of its own in `moves` from before its first view moves until all views are read back: an entry that stays is of a
publication that was killed or failed, and views may then show its date until `repairs_due` has the source published again.

What belongs here: reading and writing it. Its values and rules are `model/lake/publication.py`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.publication import Moving, Pointer, PublishedView
from rds_lake.model.lake.records import RECORD_ERRORS, damaged, load_record, value_of
from rds_lake.stages.lake.lake import Lake

_VERSION = 1
# Longer than any flip takes: Athena ends a statement of DDL after ten minutes.
ABANDONED = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishState:
    """What is published of a source, what is on its way, and the version of the object that says so."""

    pointer: Pointer | None = None
    moves: tuple[Moving, ...] = ()
    etag: str | None = None

    @property
    def moving(self) -> Moving | None:
        """The flip that was begun last and has not ended."""
        return self.moves[-1] if self.moves else None

    def under_way(self, now: datetime) -> tuple[Moving, ...]:
        """The flips that may still be at work; those begun longer ago than `ABANDONED` were killed or failed."""
        return tuple(move for move in self.moves if move.since is not None and now - move.since < ABANDONED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Views of a source that may show another date than the published one. `key` is the same as long as it is the same."""

    key: str
    snapshot_date: date
    because: str


def repairs_due(state: PublishState, source: str, *, now: datetime) -> Repair | None:
    """The published date, where a publication was killed or failed and views may show what it moved; else None (pure).

    Publishing that date again (`catalog` and the views) puts every view right and removes the mark.
    """
    abandoned = [move for move in state.moves if move not in state.under_way(now)]
    if not abandoned or state.pointer is None:
        return None
    last, shown = abandoned[-1], state.pointer.snapshot_date
    return Repair(
        key=f"repair:{source}:{last.token or last.snapshot_date}",
        snapshot_date=shown,
        because=f"a publication of {last.snapshot_date} did not come to its end; every view is moved to {shown}",
    )


def read_state(s3: S3Gateway, layout: LakeLayout, source: str) -> PublishState:
    """The pointer's object; empty when there is none. ManifestError when it is damaged."""
    key = layout.published_key(source)
    found = s3.find_version(layout.bucket, key)
    if found is None:
        return PublishState()
    text, etag = found
    where, remedy = layout.uri(key), "delete it and materialize the newest date again"
    # Releases before 0.2 wrote no version.
    body = load_record(text, where=where, known=(_VERSION,), first=_VERSION, remedy=remedy)
    try:
        return replace(_parse(body), etag=etag)
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error


def find_pointer(s3: S3Gateway, layout: LakeLayout, source: str) -> Pointer | None:
    """What is published of the source, or None when nothing ever was."""
    return read_state(s3, layout, source).pointer


def write_state(
    lake: Lake, source: str, state: PublishState, *, new_edition: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
) -> PublishState:
    """Replace the version that was read; ConflictError when somebody else did before.

    S3's ETag is that of the content: without an edition, whoever comes and goes in between, leaving the state as it was but
    the views moved, would not be seen.
    """
    text = json.dumps(_render(state) | {"edition": new_edition()}, indent=1)
    key = lake.layout.published_key(source)
    etag = lake.s3.replace_text(lake.layout.bucket, key, text, etag=state.etag, kms_key=lake.kms_key)
    return replace(state, etag=etag)


def _render(state: PublishState) -> dict[str, Any]:
    body: dict[str, Any] = {"version": _VERSION}
    pointer = state.pointer
    if pointer is not None:
        body |= {
            "snapshot_date": pointer.snapshot_date.isoformat(),
            "export_task": pointer.export_task,
            "rolled_back_from": pointer.rolled_back_from.isoformat() if pointer.rolled_back_from else None,
            "views": {
                name: {"statement": view.statement, "stored": view.stored}
                for name, view in sorted(pointer.views.items())
            },
        }
    return body | {"moves": [_rendered(move) for move in state.moves]}


def _rendered(move: Moving) -> dict[str, Any]:
    body: dict[str, Any] = {"snapshot_date": move.snapshot_date.isoformat(), "views": list(move.views)}
    return body | {"token": move.token, "since": move.since.isoformat() if move.since else None}


def _parse(body: dict[str, Any]) -> PublishState:
    # An earlier release knew one flip at a time.
    old = body.get("moving")
    moves = value_of(tuple[Moving, ...], [*body.get("moves", []), *([] if old is None else [old])])
    if "snapshot_date" not in body and (moves or "moves" in body):
        return PublishState(moves=moves)
    views = {name: _view(view) for name, view in body["views"].items()}
    pointer = value_of(Pointer, body | {"views": {}})
    return PublishState(pointer=replace(pointer, views=views), moves=moves)


def _view(body: Any) -> PublishedView:
    if isinstance(body, str):  # an earlier release knew its own statement only: the view is made again once
        return PublishedView(statement=body, stored="")
    return value_of(PublishedView, body)
