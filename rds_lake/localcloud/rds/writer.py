"""Writes an export task's objects to S3, as in real exports:

    <prefix>/<task>/shop/public.orders/1/part-00000-<uuid>-c000.gz.parquet   and _SUCCESS beside it; an empty table has no part
    <prefix>/<task>/export_tables_info_<task>_from_1_to_500.json             status and columns of each table
    <prefix>/<task>/export_info_<task>.json                                  the task itself, written last

(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html)

What belongs here: keys and contents of one task. Its statuses are `export.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from rds_lake.localcloud.databases.source import FrozenDatabase, SourceTable
from rds_lake.localcloud.faults.kinds import ExportFault
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.rds.parquet import parquet_files, skip_reason, type_mappings

_GIB = 1024**3


class CanceledError(Exception):
    """The task was cancelled. As in AWS, the objects that it wrote remain."""


class WriterSettings(Protocol):
    """The settings of the writer."""

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
        """Refuse ExportOnly items that match nothing."""
        words = [_only_words(database, table) for database, table in self._tables([])]
        words += [(database.name,) for database in self.databases]  # also one without tables
        unknown = [item for item in only if not any(_wanted(names, [item]) for names in words)]
        if unknown:
            raise ApiError(
                "InvalidExportOnly", f"The export is invalid: {', '.join(unknown)} not found in the snapshot"
            )

    def write(self, task: dict[str, Any], fault: ExportFault, advance: Callable[..., None]) -> str | None:
        """Write everything; returns WarningMessage, or None if no table was skipped."""
        with ExitStack() as stack:
            opened = [replace(part, content=stack.enter_context(part.content.opened())) for part in self.databases]
            return replace(self, databases=opened)._write(task, fault, advance)

    def _write(self, task: dict[str, Any], fault: ExportFault, advance: Callable[..., None]) -> str | None:
        folder = "/".join(part for part in (task["S3Prefix"].strip("/"), task["ExportTaskIdentifier"]) if part)
        wanted = self._tables(task["ExportOnly"])
        empty = self._empty_databases(task["ExportOnly"], wanted)
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
        self._write_infos(task, folder, infos, total, empty=empty)
        if not skipped:
            return None
        return json.dumps({"skippedTables": skipped, "skippedObjectives": [], "general": []})

    def _tables(self, only: Sequence[str]) -> list[tuple[FrozenDatabase, SourceTable]]:
        """Returns the wanted tables of all databases; all tables if `only` is empty."""
        return [
            (database, table)
            for database in self.databases
            for table in database.content.tables()
            if not only or _wanted(_only_words(database, table), only)
        ]

    def _empty_databases(
        self, only: Sequence[str], tables: Sequence[tuple[FrozenDatabase, SourceTable]]
    ) -> list[dict[str, Any]]:
        """Returns entries for databases without tables: PostgreSQL's database `postgres` is usually empty."""
        names = [database.name for database in self.databases]
        if any(database.content.engine == "postgres" for database in self.databases):
            names.append("postgres")
        filled = {database.name for database, _ in tables}
        wanted = [name for name in dict.fromkeys(names) if name not in filled and (not only or name in only)]
        return [
            {"target": name, "warningMessage": {"skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]}}
            for name in sorted(wanted)
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
                "partitioningInfo": {
                    "numberOfPartitions": 1,
                    "numberOfCompletedPartitions": 1,
                    "partitionColumns": [],
                },
            },
            "schemaMetadata": {"originalTypeMappings": type_mappings(table, engine=database.content.engine)},
            "status": "COMPLETE",
            "sizeGB": size / _GIB,
            "target": _target(database, table),
        }
        return info, size

    def _write_infos(
        self,
        task: dict[str, Any],
        folder: str,
        infos: list[dict[str, Any]],
        total: int,
        *,
        empty: Sequence[dict[str, Any]],
    ) -> None:
        """Write both info files. Entries of empty databases come first and are not counted as tables."""
        identifier, step = task["ExportTaskIdentifier"], self.settings.tables_per_info_file
        for start in range(0, max(len(infos), 1), step):
            part = infos[start : start + step]
            key = f"{folder}/export_tables_info_{identifier}_from_{start + 1}_to_{start + len(part)}.json"
            entries = [*empty, *part] if start == 0 else part
            self._put(task, key, json.dumps({"perTableStatus": entries}).encode())
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
    """Returns the schema in AWS's names: for MySQL and MariaDB the original name of the database."""
    return table.schema if database.content.engine == "postgres" else database.name


def _target(database: FrozenDatabase, table: SourceTable) -> str:
    return f"{database.name}.{_schema(database, table)}.{table.name}"


def _only_words(database: FrozenDatabase, table: SourceTable) -> tuple[str, ...]:
    """Returns the table's name in ExportOnly: database, schema, table; in MySQL and MariaDB database and table."""
    if database.content.engine == "postgres":
        return database.name, table.schema, table.name
    return database.name, table.name


def _wanted(words: tuple[str, ...], only: Sequence[str]) -> bool:
    """Whether an item names the table or its schema or database. A dot in an item always separates two names."""
    return any(words[: len(parts)] == parts for parts in (tuple(item.split(".")) for item in only))


def _safe(key: str) -> str:
    r"""AWS writes `\`, backtick, `"` and space as `_` in keys (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html)."""
    return re.sub(r'[\\`" ]', "_", key)


def locale_time(moment: datetime) -> str:
    """Returns a time as in real info files: `Jun 26, 2024, 3:43:58 PM`, in US style, without a zone."""
    hour = moment.hour % 12 or 12
    return f"{moment:%b} {moment.day}, {moment.year}, {hour}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
