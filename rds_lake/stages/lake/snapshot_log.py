"""`<source>._snapshots`: a table of all dates, with the state of each, to query.

Its files are in `<prefix>/_snapshots/<source>/`, one small Parquet file per export that passed its checks. The key names the
export, so that a repetition replaces its own row.

What belongs here: rows of that table. The state of a date is decided in `model/lake/publication.py`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import ConflictError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.glue import TableSpec
from rds_lake.stages.lake.lake import Lake

SNAPSHOTS_TABLE = "_snapshots"

_COLUMNS = (
    ("snapshot_date", "string", "UTC date of the snapshot"),
    ("snapshot_time", "timestamp", "SnapshotCreateTime, UTC"),
    ("snapshot_arn", "string", "the RDS snapshot"),
    ("export_task", "string", "the export task the data came from"),
    ("tables", "int", "tables of the snapshot"),
    ("rows", "bigint", "rows of all tables, from the Parquet footers"),
    ("bytes", "bigint", "bytes of Parquet"),
    ("published_at", "timestamp", "when the state was reached, UTC"),
    ("became_latest", "boolean", "whether the views were moved to this date, and not rolled back from it"),
    ("state", "string", "published, held (waits for a person), older (a newer date was published), rolled back"),
)


def record(lake: Lake, manifest: Manifest, state: State, *, now: datetime) -> None:
    """Writes the row of the manifest's export."""
    import pyarrow as pa  # Dagster's code location loads this module, and does without pyarrow
    import pyarrow.parquet as pq

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
        "became_latest": state is State.PUBLISHED,
        "state": state.value,
    }
    arrow = {"string": pa.string(), "timestamp": pa.timestamp("ms"), "int": pa.int32(), "bigint": pa.int64()}
    schema = pa.schema([(name, arrow.get(kind, pa.bool_())) for name, kind, _ in _COLUMNS])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=schema), buffer)
    key = _key(lake.layout, manifest)
    lake.s3.put_bytes(lake.layout.bucket, key, buffer.getvalue(), kms_key=lake.kms_key)
    _ensure_table(lake, manifest.source)


def is_recorded(lake: Lake, manifest: Manifest) -> bool:
    """Whether this export of the date has a row, which means that it passed its blocking checks."""
    return lake.s3.find_head(lake.layout.bucket, _key(lake.layout, manifest)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Date and size of a row's object, without reading it."""

    snapshot_date: date
    key: str
    bytes: int


def list_rows(s3: S3Gateway, layout: LakeLayout, source: str) -> tuple[Row, ...]:
    """Returns the rows of a source, oldest date first; a date that was exported again has several."""
    folder = layout.snapshot_log_folder(source)
    return tuple(
        Row(snapshot_date=date.fromisoformat(key.removeprefix(folder)[:10]), key=key, bytes=size)
        for key, size in ManyS3.of(s3).listed(layout.bucket, [folder])
        if key.endswith(".parquet")
    )


def recorded_dates(s3: S3Gateway, layout: LakeLayout, source: str) -> set[date]:
    """Returns the dates that have a row: they passed their checks, whether published, held or older."""
    return {row.snapshot_date for row in list_rows(s3, layout, source)}


def _key(layout: LakeLayout, manifest: Manifest) -> str:
    folder = layout.snapshot_log_folder(manifest.source)
    return f"{folder}{manifest.snapshot_date}-{manifest.export.export_task}.parquet"


def _ensure_table(lake: Lake, source: str) -> None:
    """Creates the table, or adds new columns to the table of an earlier release."""
    existing = lake.glue.find_table(source, SNAPSHOTS_TABLE)
    if existing is not None and {name for name, _, _ in _COLUMNS} <= {name for name, _, _ in existing.columns}:
        return
    spec = TableSpec(
        name=SNAPSHOTS_TABLE,
        columns=_COLUMNS,
        partition_keys=(),
        location=lake.layout.uri(lake.layout.snapshot_log_folder(source)),
        description=f"Snapshots of {source} in the lake, and which became the published one",
        parameters={},
    )
    try:
        if existing is None:
            lake.glue.create_table(source, spec)
        else:
            lake.glue.update_table(source, spec, existing=existing)
    except ConflictError:
        # Another date's run made it after `find_table`; it is the same table.
        return
