"""AWS-shaped exports made without a database: for sizes and defects no small database has."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.record import ExportRecord
from rds_lake_tests.support.world import World

TASK = "built-1"


def parquet(rows: int, *, start: int = 0, padding: int = 0) -> bytes:
    """A file of `rows` rows as AWS writes it; `padding` bytes of noise make it large."""
    values: dict[str, Any] = {"id": pa.array(range(start, start + rows), pa.int64())}
    values["name"] = pa.array([f"row {start + row}" for row in range(rows)], pa.string())
    if padding:
        noise = bytes((i * 7919 + i // 251) % 256 for i in range(4096))
        values["blob"] = pa.array([noise * (padding // 4096 // rows)] * rows, pa.binary())
    buffer = io.BytesIO()
    pq.write_table(pa.table(values), buffer, compression="none" if padding else "gzip", use_dictionary=False)
    return buffer.getvalue()


def info_entry(table: str, *, columns: tuple[tuple[str, str, str], ...] = ()) -> dict[str, Any]:
    """An entry of export_tables_info: (name, original type, expected type) per column."""
    columns = columns or (("id", "bigint", "int64"), ("name", "text", "binary (UTF8)"))
    mappings = [{"columnName": n, "originalType": o, "expectedExportedType": e} for n, o, e in columns]
    return {
        "target": f"shop.public.{table}",
        "status": "COMPLETE",
        "schemaMetadata": {"originalTypeMappings": mappings},
    }


def build_export(
    world: World, files: dict[str, bytes], entries: list[dict[str, Any]]
) -> tuple[ExportTask, ExportRecord]:
    """Put an export's objects; `files` maps keys under the task folder to contents."""
    s3 = world.clients.client("s3")
    info = f"export_tables_info_{TASK}_from_1_to_{len(entries)}.json"
    for key, body in (files | {info: json.dumps({"perTableStatus": entries}).encode()}).items():
        s3.put_object(Bucket="acme-lake", Key=f"exports/{TASK}/{key}", Body=body, ChecksumAlgorithm="CRC32")
    return built_task(), built_record()


def built_task() -> ExportTask:
    """The task of a built export."""
    record = built_record()
    return ExportTask(
        identifier=TASK,
        source_arn=record.snapshot_arn,
        status=ExportStatus.COMPLETE,
        bucket="acme-lake",
        prefix="exports",
        snapshot_time=record.snapshot_time,
    )


def built_record() -> ExportRecord:
    """The record of a built export."""
    return ExportRecord(
        source="shop",
        snapshot_date=date(2026, 11, 20),
        snapshot_arn="arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-prod-2026-11-20-03-00",
        snapshot_time=datetime(2026, 11, 20, 3, tzinfo=UTC),
        export_task=TASK,
        bucket="acme-lake",
        folder=f"exports/{TASK}/",
    )
