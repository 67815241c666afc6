"""Which object is copied where (pure).

What belongs here: the plan. Carrying it out is `relocate.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rds_lake.errors import MalformedExportError
from rds_lake.model.export import ExportRecord
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.inspect_export import ExportedFile, ExportedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCopy:
    """One object to copy: where from, where to, how many bytes."""

    table: ExportedTable
    file: ExportedFile
    target_key: str


def plan_copies(tables: Iterable[ExportedTable], record: ExportRecord, layout: LakeLayout) -> list[PlannedCopy]:
    """Every copy of an export, ordered so that neighbours lie in different tables: S3 limits rates per prefix (pure).

    MalformedExportError when two tables share a folder: AWS folds names, and their rows cannot be told apart.
    """
    per_table: list[list[PlannedCopy]] = []
    owners: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        owners[table.folder].append(str(table.target))
        folder = layout.partition_folder(record.source, table.folder, record.snapshot_date, record.export_task)
        per_table.append(
            [
                PlannedCopy(table=table, file=file, target_key=layout.data_key(folder, file.index, file.name))
                for file in table.files
            ]
        )
    shared = [f"{' and '.join(names)} in {folder}" for folder, names in owners.items() if len(names) > 1]
    if shared:
        raise MalformedExportError("tables share a folder of the export; rename one of them in the database:", shared)
    longest = max((len(copies) for copies in per_table), default=0)
    return [copies[turn] for turn in range(longest) for copies in per_table if turn < len(copies)]
