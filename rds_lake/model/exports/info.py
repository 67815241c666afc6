"""`export_tables_info_*.json`: AWS's information about every exported table.

    {"perTableStatus": [
      {"target": "postgres", "warningMessage": {"skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]}},
      {"status": "COMPLETE", "target": "shop.public.orders", "sizeGB": 8.4E-6,
       "schemaMetadata": {"originalTypeMappings": [
          {"columnName": "total", "originalType": "numeric", "expectedExportedType": "binary (UTF8)",
           "originalNumPrecision": 12, "ordinalPosition": 1}]}}]}

AWS does not document the format and has changed it (a warning was a text, and is an object today): unknown keys are ignored,
missing keys are empty. Only the target, which is the table's name, is required.

What belongs here: parsing these files. `completeness.py` uses them. `export_info_*.json` is not read, because
DescribeExportTasks returns the same data with correct times.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.errors import MalformedExportError
from rds_lake.model.exports.key import TablesInfoFile
from rds_lake.model.exports.remarks import read_remarks
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.target_names import Targets, written_name

COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoColumn:
    """A column as AWS announces it. `expected_type`: `int64`, `binary (UTF8)`, …"""

    name: str
    original_type: str
    expected_type: str
    char_max_length: int | None = None
    num_precision: int | None = None
    datetime_precision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTableInfo:
    """One entry. `target` is None for an entry about a whole database, with its name in `raw_target`.

    `status`: in capitals, empty if AWS gives none. `warning`: AWS's text; an object as JSON. `partitions`: the number
    of parts in which AWS reads the table; `completed_partitions`: how many it has finished; None if AWS gives none.
    """

    raw_target: str
    target: TableTarget | None
    status: str
    warning: str | None = None
    columns: tuple[InfoColumn, ...] = ()
    partitions: int | None = None
    completed_partitions: int | None = None

    @property
    def is_cut_short(self) -> bool:
        """Whether AWS finished fewer parts than the table has."""
        return self.partitions is not None and (self.completed_partitions or 0) < self.partitions


def parse_tables_info(
    texts: Mapping[TablesInfoFile, str], *, folders: Collection[str] = (), default_schema: str | None = None
) -> tuple[ExportTableInfo, ...]:
    """Returns all entries of all files, in order.

    `folders` are the tables' folders in S3, `default_schema` is the key of lake.yaml: they show which dots of a target
    belong to names (`target_names.py`).

    Raises MalformedExportError, which lists every problem: no file, gaps or overlaps between files, unreadable entries.
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
    targets = Targets.of([info.raw_target for info in infos], folders=folders, default_schema=default_schema)
    return tuple(info if _is_database(info) else replace(info, target=targets.read(info.raw_target)) for info in infos)


def _is_database(info: ExportTableInfo) -> bool:
    """Whether the entry is about a skipped database and has no data of a table; its name may have dots."""
    bare = not info.status and not info.columns and info.partitions is None
    return bare and any(remark.skips_database and remark.key for remark in read_remarks(info.warning or ""))


def _range_problems(files: list[TablesInfoFile]) -> list[str]:
    """Returns gaps and overlaps: tables are counted from 1 through all files; a gap means that a file is missing."""
    if not files:
        return [
            "there is no export_tables_info_*.json: the export was not finished, or its objects were removed. If it was finished, "
            "materialize the date from `snapshot_export` on: its snapshot is exported again, and paid, if it still exists"
        ]
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
    target = entry["target"]
    if not isinstance(target, str) or not target:
        raise ValueError(f"target {target!r} is not a name")
    metadata = _object(entry.get("schemaMetadata"))
    # Files of 2020 spelled the key with a capital letter.
    mappings = metadata.get("originalTypeMappings") or metadata.get("OriginalTypeMappings")
    parts = _object(_object(entry.get("tableStatistics")).get("partitioningInfo"))
    status = entry.get("status")
    return ExportTableInfo(
        raw_target=target,
        target=None,
        status=status.strip().upper() if isinstance(status, str) else "" if status is None else str(status),
        warning=_text(entry.get("warningMessage")),
        columns=_columns(mappings),
        partitions=_whole(parts.get("numberOfPartitions")),
        completed_partitions=_whole(parts.get("numberOfCompletedPartitions")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Returns a text unchanged, and an object, which AWS writes nowadays, as JSON."""
    if isinstance(value, str) or not value:
        return value or None
    return json.dumps(value, ensure_ascii=False)


def _columns(mappings: Any) -> tuple[InfoColumn, ...]:
    """Returns the columns in the table's order, without entries that have no name."""
    named = [
        mapping
        for mapping in (mappings if isinstance(mappings, list) else [])
        if isinstance(mapping, Mapping) and isinstance(mapping.get("columnName"), str)
    ]
    places = [_whole(mapping.get("ordinalPosition")) for mapping in named]
    if all(place is not None for place in places):
        named = [mapping for _, mapping in sorted(zip(places, named, strict=True), key=lambda pair: pair[0] or 0)]
    return tuple(_column(mapping) for mapping in named)


def _column(mapping: Mapping[str, Any]) -> InfoColumn:
    return InfoColumn(
        name=mapping["columnName"],
        original_type=str(mapping.get("originalType") or ""),
        expected_type=str(mapping.get("expectedExportedType") or ""),
        char_max_length=_whole(mapping.get("originalCharMaxLength")),
        num_precision=_whole(mapping.get("originalNumPrecision")),
        datetime_precision=_whole(mapping.get("originalDateTimePrecision")),
    )


def _whole(value: Any) -> int | None:
    """Returns a positive number or None: AWS writes 0 or omits the key if there is no length."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 and int(text) else None


def export_folder(target: TableTarget) -> str:
    r"""Returns `database/schema.table` as AWS writes it in keys: `\`, backtick, `"` and space become `_`.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
    """
    return written_name(f"{target.database}/{target.schema}.{target.table}")
