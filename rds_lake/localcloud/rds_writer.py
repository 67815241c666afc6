"""What an export task writes to S3: Parquet, `_SUCCESS`, and both info files (aws-facts 1.1 to 1.5).

What belongs here: keys and contents of one task. Its statuses are `rds_export.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from rds_lake.localcloud.app import ApiError
from rds_lake.localcloud.faults import ExportFault
from rds_lake.localcloud.rds_parquet import parquet_files, skip_reason, type_mappings
from rds_lake.localcloud.source import FrozenDatabase, SourceTable

_GIB = 1024**3


class CanceledError(Exception):
    """Somebody cancelled the task; what it wrote stays, as in AWS."""


class WriterSettings(Protocol):
    """What the writer needs of the task settings."""

    @property
    def max_file_bytes(self) -> int: ...
    @property
    def tables_per_info_file(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWriter:
    """Writes one task: every database of the snapshot."""

    s3: Any
    databases: Sequence[FrozenDatabase]
    settings: WriterSettings

    def check_only(self, only: Sequence[str]) -> None:
        """Refuse ExportOnly items that name nothing."""
        names = [_only_name(database, table) for database, table in self._tables([])]
        unknown = [item for item in only if not any(_wanted(name, [item]) for name in names)]
        if unknown:
            raise ApiError(
                "InvalidExportOnly", f"The export is invalid: {', '.join(unknown)} not found in the snapshot"
            )

    def write(self, task: dict[str, Any], fault: ExportFault, advance: Callable[..., None]) -> str | None:
        """Write everything; returns WarningMessage, or None when no table was skipped."""
        with ExitStack() as stack:
            opened = [replace(one, content=stack.enter_context(one.content.opened())) for one in self.databases]
            return replace(self, databases=opened)._write(task, fault, advance)

    def _write(self, task: dict[str, Any], fault: ExportFault, advance: Callable[..., None]) -> str | None:
        folder = "/".join(part for part in (task["S3Prefix"].strip("/"), task["ExportTaskIdentifier"]) if part)
        wanted = self._tables(task["ExportOnly"])
        infos: list[dict[str, Any]] = []
        skipped: list[dict[str, str]] = []
        total = 0
        for number, (database, table) in enumerate(wanted, start=1):
            target = _target(database, table)
            reason = skip_reason(table) or ("PERMISSIONS_DO_NOT_EXIST" if target in fault.skip_tables else None)
            if reason:
                skipped.append({"tableName": target, "reason": reason})
                infos.append({"status": "SKIPPED", "target": target, "warningMessage": reason})
                continue
            info, size = self._write_table(task, database, table, folder)
            infos.append(info)
            total += size
            advance(PercentProgress=99 * number // len(wanted), TotalExtractedDataInGB=total // _GIB)
        if fault.cancel:
            raise CanceledError
        if fault.fail:
            raise RuntimeError(fault.fail)
        self._write_infos(task, folder, infos, total)
        if not skipped:
            return None
        return json.dumps({"skippedTables": skipped, "skippedObjectives": [], "general": []})

    def _tables(self, only: Sequence[str]) -> list[tuple[FrozenDatabase, SourceTable]]:
        """The wanted tables of all databases; everything when `only` is empty."""
        return [
            (database, table)
            for database in self.databases
            for table in database.content.tables()
            if not only or _wanted(_only_name(database, table), only)
        ]

    def _write_table(
        self, task: dict[str, Any], database: FrozenDatabase, table: SourceTable, folder: str
    ) -> tuple[dict[str, Any], int]:
        started = datetime.now(UTC)
        base = _safe(f"{folder}/{database.name}/{_schema(database, table)}.{table.name}/1/")
        size = 0
        for name, body in parquet_files(database.content, table, max_bytes=self.settings.max_file_bytes):
            self._put(task, f"{base}{name}", body)
            size += len(body)
        self._put(task, f"{base}_SUCCESS", b"")
        info = {
            "tableStatistics": {
                "extractionStartTime": locale_time(started),
                "extractionEndTime": locale_time(datetime.now(UTC)),
            },
            "schemaMetadata": {"originalTypeMappings": type_mappings(table)},
            "status": "COMPLETE",
            "sizeGB": size / _GIB,
            "target": _target(database, table),
        }
        return info, size

    def _write_infos(self, task: dict[str, Any], folder: str, infos: list[dict[str, Any]], total: int) -> None:
        identifier, step = task["ExportTaskIdentifier"], self.settings.tables_per_info_file
        for start in range(0, max(len(infos), 1), step):
            part = infos[start : start + step]
            key = f"{folder}/export_tables_info_{identifier}_from_{start + 1}_to_{start + len(part)}.json"
            self._put(task, key, json.dumps({"perTableStatus": part}).encode())
        body = {
            "exportTaskIdentifier": identifier,
            "sourceArn": task["SourceArn"],
            "exportOnly": task["ExportOnly"],
            "snapshotTime": locale_time(task["SnapshotTime"]),
            "taskStartTime": locale_time(task["TaskStartTime"]),
            "taskEndTime": locale_time(datetime.now(UTC)),
            "s3Bucket": task["S3Bucket"],
            "s3Prefix": task["S3Prefix"],
            "exportedFilesPath": folder,
            "iamRoleArn": task["IamRoleArn"],
            "kmsKeyId": task["KmsKeyId"],
            "status": "COMPLETE",
            "percentProgress": 100,
            "totalExportedDataInGB": total / _GIB,
            "databaseOid": 0,
        }
        self._put(task, f"{folder}/export_info_{identifier}.json", json.dumps(body).encode())

    def _put(self, task: dict[str, Any], key: str, body: bytes) -> None:
        if task["Status"] == "CANCELING":
            raise CanceledError
        self.s3.put_object(
            Bucket=task["S3Bucket"],
            Key=key,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=task["KmsKeyId"],
            ChecksumAlgorithm="CRC32",
        )


def _schema(database: FrozenDatabase, table: SourceTable) -> str:
    """In MySQL and MariaDB the schema is the database, under the name it had (aws-facts 1.2)."""
    return table.schema if database.content.engine == "postgres" else database.name


def _target(database: FrozenDatabase, table: SourceTable) -> str:
    return f"{database.name}.{_schema(database, table)}.{table.name}"


def _only_name(database: FrozenDatabase, table: SourceTable) -> str:
    """What ExportOnly calls the table: `db.schema.table`, in MySQL and MariaDB `db.table`."""
    return _target(database, table) if database.content.engine == "postgres" else f"{database.name}.{table.name}"


def _wanted(target: str, only: Sequence[str]) -> bool:
    return any(target == item or target.startswith(f"{item}.") for item in only)


def _safe(key: str) -> str:
    r"""`\`, backtick, `"` and space become `_` in keys (aws-facts 1.1)."""
    return re.sub(r'[\\`" ]', "_", key)


def locale_time(moment: datetime) -> str:
    """`Jun 26, 2024, 3:43:58 PM`: info files carry times in US style without a zone (aws-facts 1.3)."""
    hour = moment.hour % 12 or 12
    return f"{moment:%b} {moment.day}, {moment.year}, {hour}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
