"""Builds the manifest from verified copies and their footers, without I/O.

What belongs here: the manifest's values, and the comparison of the files' columns with those that AWS announced. Copying is
`relocate.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from rds_lake.errors import MalformedExportError
from rds_lake.model.calendars import Calendar, together
from rds_lake.model.exports.expected_type import hive_type_of_expected, known_type_of_expected
from rds_lake.model.exports.info import InfoColumn
from rds_lake.model.lake.data_files import DataFile, DataFiles
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import Column
from rds_lake.stages.databases.inspect import ExportedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One verified copy of a table's file, with `columns` (name, Hive type) and `early` of its footer (`footers.py`)."""

    table: ExportedTable
    data: DataFile
    columns: tuple[tuple[str, str], ...]
    early: tuple[tuple[str, Calendar], ...] = ()


def build_manifest(
    tables: Iterable[ExportedTable],
    copied: Iterable[Copied],
    record: ExportRecord,
    layout: LakeLayout,
    *,
    in_place: bool = False,
) -> Manifest:
    """Returns the manifest of verified copies, or of AWS's own files.

    Raises MalformedExportError if files of one table differ in schema.
    """
    files: dict[str, _Files] = defaultdict(_Files)
    for copy in copied:
        files[copy.table.folder].add(copy)
    tables = tuple(tables)
    problems = [problem for table in tables for problem in files[table.folder].problems(table)]
    if problems:
        raise MalformedExportError("the files of these tables cannot be read as one table:", problems)
    manifests: list[TableManifest] = []
    for table in tables:
        table_files = files[table.folder]
        columns, notes = merge_schema(next(iter(table_files.schemas), None), table.info.columns)
        location, home = _place(table, record, layout, in_place=in_place)
        manifests.append(
            TableManifest(
                target=table.target,
                location=location,
                home=home,
                columns=_with_calendars(columns, table_files.early),
                files=table_files.files.by_key(),
                schema_notes=notes,
            )
        )
    return Manifest(export=record, lake_bucket=layout.bucket, tables=tuple(manifests), in_place=in_place)


@dataclass(slots=True)
class _Files:
    """The files of one table. `schemas`: by columns, the key of the first file that has them."""

    files: DataFiles = field(default_factory=DataFiles)
    schemas: dict[tuple[tuple[str, str], ...], str] = field(default_factory=dict)
    early: set[tuple[str, Calendar]] = field(default_factory=set)

    def add(self, copy: Copied) -> None:
        self.files.add(copy.data)
        self.schemas.setdefault(copy.columns, copy.data.key)
        self.early.update(copy.early)

    def problems(self, table: ExportedTable) -> list[str]:
        if len(self.schemas) <= 1:
            return []
        return [f"files of {table.target} differ in schema: {', '.join(sorted(self.schemas.values()))}"]


def _with_calendars(columns: Sequence[Column], early: Iterable[tuple[str, Calendar]]) -> tuple[Column, ...]:
    calendars: dict[str, list[Calendar]] = defaultdict(list)
    for name, calendar in early:
        calendars[name].append(calendar)
    return tuple(replace(column, calendar=together(calendars.get(column.name, ()))) for column in columns)


def _place(table: ExportedTable, record: ExportRecord, layout: LakeLayout, *, in_place: bool) -> tuple[str, str]:
    """Returns the folder of the table's files of the date, and the table's own folder if it is a different one."""
    if in_place:
        # Above the index folders: Athena reads what lies below, but no file whose name begins with `_`, such as _SUCCESS.
        home = layout.uri(layout.table_folder(record.source, table.folder))
        return f"s3://{record.bucket}/{record.folder}{table.folder}/", home
    folder = layout.partition_folder(record.source, table.folder, record.snapshot_date, record.export_task)
    return layout.uri(folder), ""


def merge_schema(
    physical: tuple[tuple[str, str], ...] | None, announced: Sequence[InfoColumn]
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Returns columns with physical and original types, and the differences between the two; the footer is used.

    A table without files only has announced types; an unknown one counts as text until a file shows the type.
    """
    by_name = {column.name.lower(): column for column in announced}
    has_files = physical is not None
    if physical is None:
        physical = tuple((column.name, hive_type_of_expected(column.expected_type)) for column in announced)
    notes: list[str] = []
    columns: list[Column] = []
    for name, hive_type in physical:
        info = by_name.pop(name.lower(), None)
        if info is None:
            notes.append(f"column {name} is in the files, but not in AWS's schema of the export")
        else:
            notes += _against_announced(info, hive_type if has_files else None)
        columns.append(
            Column(
                name=name,
                hive_type=hive_type,
                original_type=info.original_type if info else None,
                char_max_length=info.char_max_length if info else None,
                num_precision=info.num_precision if info else None,
                datetime_precision=info.datetime_precision if info else None,
            )
        )
    notes += [
        f"column {column.name} is in AWS's schema of the export, but not in the files" for column in by_name.values()
    ]
    return tuple(columns), tuple(notes)


def _against_announced(info: InfoColumn, in_files: str | None) -> list[str]:
    """Returns how the announced type differs from the files' type; empty if they are equal or there are no files."""
    announced = known_type_of_expected(info.expected_type)
    if announced is None:
        words = f"column {info.name} was announced as {info.expected_type or 'nothing'}, which rds-lake does not know"
        return [f"{words}; it is {in_files} in the files" if in_files else f"{words}: text until there are files"]
    if in_files is None or announced == in_files:
        return []
    return [f"column {info.name} was announced as {info.expected_type}, and is {in_files} in the files"]
