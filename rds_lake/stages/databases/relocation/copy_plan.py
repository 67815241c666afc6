"""The plan of copies: source and destination of every object, without I/O.

What belongs here: the plan. Carrying it out is `relocate.py`.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from rds_lake.errors import MalformedExportError
from rds_lake.model.lake.layout import LakeLayout, plain_folder
from rds_lake.model.lake.packed import Made
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases.exported_files import ExportedFile
from rds_lake.stages.databases.inspect import ExportedTable

_TABLES = 1 << 20  # more tables than an export can have: a position is file * _TABLES + table


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCopy:
    """One object to copy: source, destination, and bytes."""

    table: ExportedTable
    file: ExportedFile
    target_key: str


class CopyPlan(Made[PlannedCopy]):
    """Every copy of an export by position, from `tables` to `folders` (with a trailing slash), one folder per table."""

    def __init__(self, tables: Sequence[ExportedTable], folders: Sequence[str]) -> None:
        self.tables, self.folders = tables, folders
        self.bytes = sum(table.files.bytes for table in tables)
        self._places = array("Q", self._in_turn())

    def __len__(self) -> int:
        return len(self._places)

    def make(self, at: int) -> PlannedCopy:
        number, which = self.place(at)
        file = self.tables[which].files[number]
        return PlannedCopy(table=self.tables[which], file=file, target_key=self._target_key(which, file))

    def place(self, at: int) -> tuple[int, int]:
        """Returns which file of which table is at the position."""
        return divmod(self._places[at], _TABLES)

    def target(self, which: int, number: int) -> tuple[str, int]:
        """Returns key and size of the copy of one table's file."""
        file = self.tables[which].files[number]
        return self._target_key(which, file), file.bytes

    def _target_key(self, which: int, file: ExportedFile) -> str:
        return LakeLayout.data_key(self.folders[which], file.index, file.name)

    def _in_turn(self) -> Iterator[int]:
        """Yields the first file of every table, then the second of every table that has one, and so on."""
        left = list(enumerate(self.tables))
        for number in count():
            left = [(which, table) for which, table in left if number < len(table.files)]
            if not left:
                return
            yield from (number * _TABLES + which for which, _ in left)


def plan_copies(tables: Iterable[ExportedTable], record: ExportRecord, layout: LakeLayout) -> CopyPlan:
    """Returns every copy of an export; neighbours are in different tables, as S3 limits rates per prefix.

    Raises MalformedExportError if two tables share a folder, because AWS changes names: their rows could not be
    separated.
    """
    tables = tuple(tables)
    require_own_folders(tables)
    return CopyPlan(
        tables,
        [
            layout.partition_folder(record.source, table.folder, record.snapshot_date, record.export_task)
            for table in tables
        ],
    )


def require_own_folders(tables: Iterable[ExportedTable]) -> None:
    """Raises MalformedExportError if two tables share a folder."""
    owners: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        owners[plain_folder(table.folder)].append(str(table.target))
    shared = [f"{' and '.join(names)} in {folder}" for folder, names in owners.items() if len(names) > 1]
    if shared:
        raise MalformedExportError(
            "several tables share one folder of the export; rename one of them in the database:", shared
        )
