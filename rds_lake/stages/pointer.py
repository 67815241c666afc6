"""The pointer `<prefix>/_manifests/<source>/_published.json`: what is published, and the flip that was begun.

    {"version": 1, "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "rolled_back_from": null,
     "views": {"orders": {"statement": "<digest>", "stored": "<digest>"}, …},
     "moving": {"snapshot_date": "2026-11-21", "views": ["orders", …]}}

It is only ever replaced in the version that was read, so that of two publications at once one notices the other.

What belongs here: reading and writing it. Its values and rules are `model/publication.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.aws.s3 import S3Gateway
from rds_lake.model.layout import LakeLayout
from rds_lake.model.publication import Moving, Pointer, PublishedView
from rds_lake.model.records import RECORD_ERRORS, damaged, load_record, value_of
from rds_lake.stages.lake import Lake

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishState:
    """What is published of a source, what is on its way, and the version of the object that says so."""

    pointer: Pointer | None = None
    moving: Moving | None = None
    etag: str | None = None


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


def write_state(lake: Lake, source: str, state: PublishState) -> PublishState:
    """Replace the version that was read; ConflictError when somebody else did before."""
    text = json.dumps(_render(state), indent=1)
    key = lake.layout.published_key(source)
    etag = lake.s3.replace_text(lake.layout.bucket, key, text, etag=state.etag, kms_key=lake.kms_key)
    return replace(state, etag=etag)


def _render(state: PublishState) -> dict[str, Any]:
    body: dict[str, Any] = {"version": _VERSION}
    pointer, moving = state.pointer, state.moving
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
    if moving is not None:
        body["moving"] = {"snapshot_date": moving.snapshot_date.isoformat(), "views": list(moving.views)}
    return body


def _parse(body: dict[str, Any]) -> PublishState:
    moving = None if body.get("moving") is None else value_of(Moving, body["moving"])
    if "snapshot_date" not in body and moving is not None:
        return PublishState(moving=moving)
    views = {name: _view(view) for name, view in body["views"].items()}
    pointer = value_of(Pointer, body | {"views": {}})
    return PublishState(pointer=replace(pointer, views=views), moving=moving)


def _view(body: Any) -> PublishedView:
    if isinstance(body, str):  # an earlier release knew its own statement only: the view is made again once
        return PublishedView(statement=body, stored="")
    return value_of(PublishedView, body)
