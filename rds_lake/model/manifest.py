"""The manifest: the hand-over between stages and the commit mark of relocation.

    <prefix>/_manifests/<source>/2026-11-20.json          the manifest, written last, in one PUT
    <prefix>/_manifests/<source>/2026-11-20.export.json   the export record it was made from

Example, shortened:

    {"version": 1, "source": "shop", "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", …
     "tables": [{"database": "shop", "schema": "public", "table": "Order Details",
                 "location": "s3://acme-lake/lake/shop/shop/public.Order_Details/snapshot_date=2026-11-20/shop-…-1/",
                 "columns": [{"name": "id", "hive_type": "bigint", "original_type": "bigint"}, …],
                 "files": [{"key": "lake/…/1-part-00000-….gz.parquet", "bytes": 812, "rows": 3}]}]}

What belongs here: the values and their JSON. Who writes and reads them in S3: `stages/handover.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from rds_lake.errors import ManifestError
from rds_lake.model.export import ExportPart, ExportRecord
from rds_lake.model.table import Column, TableTarget

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One relocated Parquet object: its key in the lake bucket, size in bytes, rows from its footer.

    `checksum` is `ALGORITHM:value` of the whole object where S3 knows one, else None.
    """

    key: str
    bytes: int
    rows: int
    checksum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableManifest:
    """One table of a snapshot date. No files is legal: an empty table (aws-facts 1.1)."""

    target: TableTarget
    location: str
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...] = ()
    schema_notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything later stages need to know of one source and snapshot date."""

    export: ExportRecord
    lake_bucket: str
    tables: tuple[TableManifest, ...] = field(default=())

    @property
    def source(self) -> str:
        return self.export.source

    @property
    def snapshot_date(self) -> date:
        return self.export.snapshot_date

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        return sum(table.bytes for table in self.tables)

    @property
    def files(self) -> int:
        return sum(len(table.files) for table in self.tables)


def render_manifest(manifest: Manifest) -> str:
    """The manifest as JSON text; `parse_manifest` is its exact inverse."""
    tables = [
        asdict(table.target)
        | {
            "location": table.location,
            "columns": [_without_none(asdict(column)) for column in table.columns],
            "files": [_without_none(asdict(file)) for file in table.files],
            "schema_notes": list(table.schema_notes),
        }
        for table in manifest.tables
    ]
    body = {"version": VERSION, "lake_bucket": manifest.lake_bucket, "export": _record(manifest.export)}
    return json.dumps(body | {"tables": tables}, indent=1, ensure_ascii=False)


def parse_manifest(text: str, *, where: str) -> Manifest:
    """The manifest in `text`; `where` names the object in the error."""
    body = _load(text, where=where)
    try:
        return Manifest(
            export=_parse_record(body["export"]),
            lake_bucket=body["lake_bucket"],
            tables=tuple(_parse_table(table) for table in body["tables"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"{where} is damaged ({error!r}); delete it and materialize `parquet` again") from error


def render_export_record(record: ExportRecord) -> str:
    """The export record as JSON text; `parse_export_record` is its exact inverse."""
    return json.dumps({"version": VERSION, "export": _record(record)}, indent=1)


def parse_export_record(text: str, *, where: str) -> ExportRecord:
    """The export record in `text`; `where` names the object in the error."""
    body = _load(text, where=where)
    try:
        return _parse_record(body["export"])
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(
            f"{where} is damaged ({error!r}); delete it and materialize `snapshot_export` again"
        ) from error


def _load(text: str, *, where: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where} is not JSON ({error}); delete it and materialize the date again") from error
    if not isinstance(body, dict) or body.get("version") != VERSION:
        version = body.get("version") if isinstance(body, dict) else None
        raise ManifestError(
            f"{where} has version {version!r}, this release reads {VERSION}; materialize the date again"
        )
    return body


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _record(record: ExportRecord) -> dict[str, Any]:
    body = {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in _without_none(asdict(record)).items()
    }
    return body if record.parts else {key: value for key, value in body.items() if key != "parts"}


def _parse_record(body: dict[str, Any]) -> ExportRecord:
    return ExportRecord(
        source=body["source"],
        snapshot_date=date.fromisoformat(body["snapshot_date"]),
        snapshot_arn=body["snapshot_arn"],
        snapshot_time=datetime.fromisoformat(body["snapshot_time"]),
        export_task=body["export_task"],
        bucket=body["bucket"],
        folder=body["folder"],
        started_at=_optional_time(body, "started_at"),
        ended_at=_optional_time(body, "ended_at"),
        parts=tuple(ExportPart(**part) for part in body.get("parts", ())),
    )


def _optional_time(body: dict[str, Any], key: str) -> datetime | None:
    return datetime.fromisoformat(body[key]) if key in body else None


def _parse_table(body: dict[str, Any]) -> TableManifest:
    return TableManifest(
        target=TableTarget(database=body["database"], schema=body["schema"], table=body["table"]),
        location=body["location"],
        columns=tuple(Column(**column) for column in body["columns"]),
        files=tuple(DataFile(**file) for file in body["files"]),
        schema_notes=tuple(body["schema_notes"]),
    )
