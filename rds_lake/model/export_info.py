"""`export_tables_info_*.json`: what AWS says of every table it exported (aws-facts 1.4).

    {"perTableStatus": [
      {"status": "COMPLETE", "target": "shop.public.orders", "sizeGB": 8.4E-6,
       "schemaMetadata": {"originalTypeMappings": [
          {"columnName": "total", "originalType": "numeric", "expectedExportedType": "binary (UTF8)",
           "originalNumPrecision": 12}]}}]}

What belongs here: these files as values. What they mean for completeness is `completeness.py`. `export_info_*.json`
is not read: DescribeExportTasks says the same with real times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.errors import MalformedExportError
from rds_lake.model.export_key import TablesInfoFile
from rds_lake.model.table import TableTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoColumn:
    """A column as AWS announces it. `expected_type` is `int64`, `binary (UTF8)`, …"""

    name: str
    original_type: str
    expected_type: str
    char_max_length: int | None = None
    num_precision: int | None = None
    datetime_precision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTableInfo:
    """One entry. `target` is None for an entry about a whole database, whose name is in `raw_target`."""

    raw_target: str
    target: TableTarget | None
    status: str
    warning: str | None = None
    columns: tuple[InfoColumn, ...] = ()


def parse_tables_info(texts: Mapping[TablesInfoFile, str]) -> tuple[ExportTableInfo, ...]:
    """All entries of all files, in order.

    Raises MalformedExportError listing every problem: no file, gaps or overlaps between files, unreadable entries.
    """
    problems = _range_problems(list(texts))
    infos: list[ExportTableInfo] = []
    for file in sorted(texts, key=lambda file: file.first):
        try:
            entries = _entries(texts[file])
        except (ValueError, RecursionError) as error:
            problems.append(f"{file.name} cannot be read: {error}")
            continue
        for number, entry in enumerate(entries, start=1):
            try:
                infos.append(_table_info(entry))
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                problems.append(f"{file.name}, entry {number}: {error!r}")
    if problems:
        raise MalformedExportError("the export's table information is not as AWS documents it:", problems)
    return tuple(infos)


def _range_problems(files: list[TablesInfoFile]) -> list[str]:
    """Tables are counted from 1 through all files; a gap is a file that was not written or not listed."""
    if not files:
        return ["there is no export_tables_info_*.json: the export was not finished, or its objects were removed"]
    problems: list[str] = []
    expected = 1
    for file in sorted(files, key=lambda file: file.first):
        # A database without a single table gives from_1_to_0 or from_0_to_0.
        if file.first != expected and file.last > 0:
            problems.append(f"{file.name} starts at table {file.first}, but table {expected} is the next")
        expected = max(expected, file.last + 1)
    return problems


def _entries(text: str) -> list[Any]:
    body = json.loads(text)
    entries = body.get("perTableStatus") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it has no list `perTableStatus`")
    return entries


def _table_info(entry: Any) -> ExportTableInfo:
    metadata = entry.get("schemaMetadata") or {}
    # Files of 2020 spelled the key with a capital letter (aws-facts 1.4).
    mappings = metadata.get("originalTypeMappings") or metadata.get("OriginalTypeMappings") or []
    target = entry["target"]
    if not isinstance(target, str) or not target:
        raise ValueError(f"target {target!r} is no name")
    return ExportTableInfo(
        raw_target=target,
        target=parse_target(target),
        status=str(entry.get("status", "")),
        warning=entry.get("warningMessage") or None,
        columns=tuple(_column(mapping) for mapping in mappings),
    )


def parse_target(text: str) -> TableTarget | None:
    """`db.schema.table`, where only the table's name may contain dots; None for a whole database."""
    parts = text.split(".", 2)
    if len(parts) != 3 or not all(parts):
        return None
    return TableTarget(database=parts[0], schema=parts[1], table=parts[2])


def _column(mapping: Any) -> InfoColumn:
    return InfoColumn(
        name=str(mapping["columnName"]),
        original_type=str(mapping.get("originalType", "")),
        expected_type=str(mapping.get("expectedExportedType", "")),
        char_max_length=_whole(mapping.get("originalCharMaxLength")),
        num_precision=_whole(mapping.get("originalNumPrecision")),
        datetime_precision=_whole(mapping.get("originalDateTimePrecision")),
    )


def _whole(value: Any) -> int | None:
    """A positive number, or None: AWS writes 0 or leaves the key out where there is no length."""
    return int(value) if isinstance(value, int | float | str) and str(value).strip().isdigit() and int(value) else None


def export_folder(target: TableTarget) -> str:
    r"""`database/schema.table` as AWS spells it in keys: `\`, backtick, `"` and space become `_` (aws-facts 1.1)."""
    return re.sub(r'[\\`" ]', "_", f"{target.database}/{target.schema}.{target.table}")


_EXPECTED = {
    "int32": "int",
    "int32 (int_16)": "smallint",
    "int32 (int_8)": "tinyint",
    "int64": "bigint",
    "double": "double",
    "float": "float",
    "boolean": "boolean",
    "binary": "binary",
    "binary (utf8)": "string",
    "int64 (timestamp_micro)": "timestamp",
    "int64 (timestamp_micros)": "timestamp",
}


def hive_type_of_expected(expected: str) -> str:
    """The Hive type of an `expectedExportedType`: the only type a table without files has."""
    text = expected.strip().lower()
    if match := re.search(r"decimal\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", text):
        return f"decimal({match[1]},{match[2]})"
    return _EXPECTED.get(text, "string")
