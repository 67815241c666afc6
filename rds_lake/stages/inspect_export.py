"""Inspect: read a finished export's folder once, and judge whether it is complete.

What belongs here: listing and reading the info files. The rule is `model/completeness.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.aws.s3 import S3Gateway
from rds_lake.model.completeness import Finding, check_completeness
from rds_lake.model.export import ExportTask
from rds_lake.model.export_info import ExportTableInfo, export_folder, parse_tables_info
from rds_lake.model.export_key import ExportedData, ExportKey, TablesInfoFile, parse_export_key
from rds_lake.model.table import TableTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One Parquet file AWS wrote; `bytes` is its size."""

    key: str
    bytes: int
    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTable:
    """One exported table, with its folder as AWS spells it and its files, possibly none."""

    target: TableTarget
    folder: str
    info: ExportTableInfo
    files: tuple[ExportedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContents:
    """Everything the task wrote, and what is wrong with it."""

    tables: tuple[ExportedTable, ...]
    findings: tuple[Finding, ...]


def inspect_export(s3: S3Gateway, *, task: ExportTask, include: Sequence[str]) -> ExportContents:
    """List the task's folder, read its info files, and check that the export is complete.

    Raises MalformedExportError when the info files are missing or unreadable.
    """
    keys: list[ExportKey] = []
    files: dict[str, list[ExportedFile]] = defaultdict(list)
    info_keys: dict[TablesInfoFile, str] = {}
    # With the trailing slash: task `a-1` is a string prefix of `a-10` (aws-facts 1.1).
    for item in s3.list_objects(task.bucket, task.folder):
        key = parse_export_key(item.key, task.folder)
        keys.append(key)
        if isinstance(key, ExportedData):
            files[key.folder].append(ExportedFile(key=item.key, bytes=item.bytes, index=key.index, name=key.name))
        elif isinstance(key, TablesInfoFile):
            info_keys[key] = item.key
    infos = parse_tables_info({file: s3.get_text(task.bucket, key) for file, key in info_keys.items()})
    tables = tuple(
        ExportedTable(
            target=info.target,
            folder=export_folder(info.target),
            info=info,
            files=tuple(files[export_folder(info.target)]),
        )
        for info in infos
        if info.target is not None and info.status == "COMPLETE"
    )
    findings = check_completeness(task=task, infos=infos, keys=keys, include=include)
    return ExportContents(tables=tables, findings=findings)
