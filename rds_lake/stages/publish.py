"""Publish: flip every view of a source to one snapshot date, never backwards.

The pointer `<prefix>/_manifests/<source>/_published.json` says which date, export and view texts are published.
It is written last: after a crash in the middle of a flip it still names the old date, the next run executes every
statement again (each is a CREATE OR REPLACE), and only then moves the pointer. Athena has no transaction over
views; in between each view is old or new, never broken.

`<source>._snapshots` is a table over `<prefix>/_snapshots/<source>/`, one small Parquet file per published export,
so that anybody can ask in SQL what there is and what `latest` means.

What belongs here: the flip and its record. The text of a view is `sql/views.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.glue import GlueGateway, TableSpec
from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import CatalogError, ConflictError, ManifestError
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest
from rds_lake.sql.views import render_view
from rds_lake.stages.naming import TypedTable

SNAPSHOTS_TABLE = "_snapshots"

_SNAPSHOTS_COLUMNS = (
    ("snapshot_date", "string", "UTC date of the snapshot"),
    ("snapshot_time", "timestamp", "SnapshotCreateTime, UTC"),
    ("snapshot_arn", "string", "the RDS snapshot"),
    ("export_task", "string", "the export task the data came from"),
    ("tables", "int", "tables of the snapshot"),
    ("rows", "bigint", "rows of all tables, from the Parquet footers"),
    ("bytes", "bigint", "bytes of Parquet"),
    ("published_at", "timestamp", "when this export was published, UTC"),
    ("became_latest", "boolean", "whether the views were moved to this date"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """The gateways and the place that publishing needs."""

    s3: S3Gateway
    glue: GlueGateway
    athena: AthenaGateway
    layout: LakeLayout
    kms_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What is published of a source: the date, the export, and each view's digest."""

    snapshot_date: date
    export_task: str
    views: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The outcome: whether `latest` moved, which views changed, which were dropped as their table is gone."""

    became_latest: bool
    latest: date
    flipped: tuple[str, ...]
    dropped: tuple[str, ...]


def find_pointer(s3: S3Gateway, layout: LakeLayout, source: str) -> Pointer | None:
    """What is published of the source, or None when nothing ever was."""
    key = layout.published_key(source)
    text = s3.find_text(layout.bucket, key)
    if text is None:
        return None
    try:
        body = json.loads(text)
        return Pointer(
            snapshot_date=date.fromisoformat(body["snapshot_date"]),
            export_task=body["export_task"],
            views=dict(body["views"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{layout.uri(key)} is damaged ({error!r}); delete it and materialize the newest date again"
        ) from error


def publish(
    lake: Lake,
    manifest: Manifest,
    tables: Sequence[TypedTable],
    *,
    now: datetime,
    log: Callable[[str], None],
) -> Publication:
    """Flip all views of the source to the manifest's date, unless a newer date is published already.

    Safe to repeat after a crash anywhere. Raises QueryError if a view cannot be made: the pointer then stays.
    """
    source = manifest.source
    pointer = find_pointer(lake.s3, lake.layout, source)
    latest = pointer is None or pointer.snapshot_date <= manifest.snapshot_date
    if not latest and pointer is not None:
        log(f"{source} is published at {pointer.snapshot_date}; {manifest.snapshot_date} is older, no view moves")
        _record(lake, manifest, now=now, became_latest=False)
        return Publication(became_latest=False, latest=pointer.snapshot_date, flipped=(), dropped=())
    statements = {
        table.names.view: render_view(source, table.names, table.columns, manifest.snapshot_date) for table in tables
    }
    flipped = _stale_views(lake, source, statements, pointer)
    lake.athena.run_many([statements[view] for view in flipped], database=source)
    dropped = tuple(sorted(set(pointer.views if pointer else ()) - set(statements)))
    for view in dropped:
        lake.glue.delete_view(source, view)
    _require_views(lake, source, statements)
    _record(lake, manifest, now=now, became_latest=True)
    _write_pointer(lake, manifest, statements)
    log(f"{source}: {len(flipped)} of {len(statements)} views moved to {manifest.snapshot_date}")
    return Publication(
        became_latest=True, latest=manifest.snapshot_date, flipped=tuple(sorted(flipped)), dropped=dropped
    )


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


def _stale_views(lake: Lake, source: str, statements: dict[str, str], pointer: Pointer | None) -> list[str]:
    """The views whose text differs from what the pointer says, or that are not there at all."""
    published = pointer.views if pointer else {}
    existing = lake.glue.list_tables(source)
    return [
        view
        for view, sql in statements.items()
        if published.get(view) != _digest(sql) or view not in existing or not existing[view].is_view
    ]


def _require_views(lake: Lake, source: str, statements: dict[str, str]) -> None:
    existing = lake.glue.list_tables(source)
    missing = [view for view in statements if view not in existing or not existing[view].is_view]
    if missing:
        raise CatalogError(
            f"Athena reported success, but these views of {source} are not in the catalogue; `latest` was not moved:",
            missing,
        )


def _write_pointer(lake: Lake, manifest: Manifest, statements: dict[str, str]) -> None:
    body = {
        "snapshot_date": manifest.snapshot_date.isoformat(),
        "export_task": manifest.export.export_task,
        "views": {view: _digest(sql) for view, sql in sorted(statements.items())},
    }
    key = lake.layout.published_key(manifest.source)
    lake.s3.put_text(lake.layout.bucket, key, json.dumps(body, indent=1), kms_key=lake.kms_key)


def _record(lake: Lake, manifest: Manifest, *, now: datetime, became_latest: bool) -> None:
    """Write this export's row of `_snapshots`. The key is the export's, so a repetition replaces its own row."""
    export = manifest.export
    row = {
        "snapshot_date": export.snapshot_date.isoformat(),
        "snapshot_time": export.snapshot_time.replace(tzinfo=None),
        "snapshot_arn": export.snapshot_arn,
        "export_task": export.export_task,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "bytes": manifest.bytes,
        "published_at": now.replace(tzinfo=None),
        "became_latest": became_latest,
    }
    arrow = {"string": pa.string(), "timestamp": pa.timestamp("ms"), "int": pa.int32(), "bigint": pa.int64()}
    schema = pa.schema([(name, arrow.get(kind, pa.bool_())) for name, kind, _ in _SNAPSHOTS_COLUMNS])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=schema), buffer)
    folder = lake.layout.snapshot_log_folder(manifest.source)
    key = f"{folder}{export.snapshot_date}-{export.export_task}.parquet"
    lake.s3.put_bytes(lake.layout.bucket, key, buffer.getvalue(), kms_key=lake.kms_key)
    _ensure_snapshots_table(lake, manifest.source, folder)


def _ensure_snapshots_table(lake: Lake, source: str, folder: str) -> None:
    if lake.glue.find_table(source, SNAPSHOTS_TABLE) is not None:
        return
    spec = TableSpec(
        name=SNAPSHOTS_TABLE,
        columns=_SNAPSHOTS_COLUMNS,
        partition_keys=(),
        location=lake.layout.uri(folder),
        description=f"Snapshots of {source} in the lake, and which became the published one",
        parameters={},
    )
    try:
        lake.glue.create_table(source, spec)
    except ConflictError:
        # Another date's run made it between the look and the call; it is the same table.
        return
