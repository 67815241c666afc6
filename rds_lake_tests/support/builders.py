"""Exports as AWS writes them, in a bucket: real Parquet, both layouts, markers, info files.

Built by hand and apart from `rds_lake.localcloud`, so that the two cannot be wrong in the same way.
"""

import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.record import ExportRecord

ARN = "arn:aws:rds:us-east-1:111122223333:snapshot:rds:shop-prod-2026-11-20-05-06"
KMS = "arn:aws:kms:us-east-1:111122223333:key/export"
DAY = date(2026, 11, 20)
_EXPECTED = {"int64": "int64", "int32": "int32", "double": "double", "string": "binary (UTF8)", "bool": "boolean"}


def parquet(table: pa.Table, **options: Any) -> bytes:
    """The table as one gzip Parquet file."""
    sink = io.BytesIO()
    arguments: dict[str, Any] = {"compression": "gzip", "version": "1.0"} | options
    pq.write_table(table, sink, **arguments)
    return sink.getvalue()


def fill(bucket: str, keys: Sequence[str], body: bytes = b"") -> None:
    """Put the same content under thousands of keys: into moto directly, since PUTs would take seconds."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for key in keys:
        backend.put_object(bucket, key, body)


def orders(first: int, last: int) -> pa.Table:
    """A table of rows `first` to `last`, ids and texts."""
    ids = list(range(first, last + 1))
    return pa.table(
        {"id": pa.array(ids, pa.int64()), "note": pa.array([f"row {number}" for number in ids], pa.string())}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTable:
    """One exported table. `parts` are its files, `schema` what the info file announces (the parts' own by default)."""

    target: str
    parts: tuple[pa.Table | bytes, ...] = ()
    schema: pa.Schema | None = None
    status: str = "COMPLETE"
    marked: bool = True

    @property
    def folder(self) -> str:
        database, schema, table = self.target.split(".", 2)
        text = f"{database}/{schema}.{table}"
        for character in '\\`" ':
            text = text.replace(character, "_")
        return text

    def info(self) -> dict[str, Any]:
        """The entry in export_tables_info."""
        tables = [part for part in self.parts if not isinstance(part, bytes)]
        schema = self.schema or (tables[0].schema if tables else orders(1, 1).schema)
        mappings = [
            {
                "columnName": column.name,
                "originalType": str(column.type),
                "expectedExportedType": _EXPECTED[str(column.type)],
            }
            for column in schema
        ]
        return {
            "status": self.status,
            "target": self.target,
            "sizeGB": 8.4e-6,
            "schemaMetadata": {"originalTypeMappings": mappings},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleExport:
    """A finished export task and the means to put its objects into a bucket."""

    s3: Any
    tables: tuple[SampleTable, ...]
    identifier: str = "shop-prod-2026-11-20-05-06-3f9c2d71ab04-1"
    bucket: str = "acme-exports"
    prefix: str = "exports"
    indexed: bool = True
    tables_per_info_file: int = 500
    put_options: dict[str, Any] = field(default_factory=lambda: {"ChecksumAlgorithm": "CRC32"})

    @property
    def task(self) -> ExportTask:
        moment = datetime(2026, 11, 20, 5, 6, tzinfo=UTC)
        return ExportTask(
            identifier=self.identifier,
            source_arn=ARN,
            status=ExportStatus.COMPLETE,
            bucket=self.bucket,
            prefix=self.prefix,
            snapshot_time=moment,
            started_at=moment,
            ended_at=moment,
            progress=100,
        )

    @property
    def record(self) -> ExportRecord:
        task = self.task
        assert task.snapshot_time is not None
        return ExportRecord(
            source="shop",
            snapshot_date=DAY,
            snapshot_arn=task.source_arn,
            snapshot_time=task.snapshot_time,
            export_task=task.identifier,
            bucket=task.bucket,
            folder=task.folder,
            started_at=task.started_at,
            ended_at=task.ended_at,
        )

    def write(self) -> "SampleExport":
        """Put everything AWS would have put; the info files last."""
        for table in self.tables:
            run = uuid.uuid5(uuid.NAMESPACE_URL, table.target)
            folder = f"{table.folder}/1" if self.indexed else table.folder
            for number, part in enumerate(table.parts):
                body = part if isinstance(part, bytes) else parquet(part)
                self.put(f"{folder}/part-{number:05d}-{run}-c000.gz.parquet", body)
            if table.marked:
                self.put(f"{folder}/_SUCCESS", b"")
        self._write_infos([table.info() for table in self.tables])
        return self

    def put(self, name: str, body: bytes) -> None:
        """One object in the task's folder, encrypted as exports are."""
        self.s3.put_object(
            Bucket=self.bucket,
            Key=f"{self.task.folder}{name}",
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=KMS,
            **self.put_options,
        )

    def _write_infos(self, infos: Sequence[dict[str, Any]]) -> None:
        step = self.tables_per_info_file
        for start in range(0, max(len(infos), 1), step):
            part = infos[start : start + step]
            name = f"export_tables_info_{self.identifier}_from_{start + 1}_to_{start + len(part)}.json"
            self.put(name, json.dumps({"perTableStatus": part}).encode())
        body = {"exportTaskIdentifier": self.identifier, "status": "COMPLETE", "s3Prefix": self.prefix}
        self.put(f"export_info_{self.identifier}.json", json.dumps(body).encode())
