"""Inspects an export: lists its folder once, and checks whether it is complete.

What belongs here: listing and reading the info files. The rule is `model/exports/completeness.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rds_lake.aws.s3.gateway import MOST_LISTED, S3Gateway
from rds_lake.aws.s3.many import EXPORT_LEVELS, ManyS3
from rds_lake.model.aws.engine import Engine
from rds_lake.model.exports.completeness import Finding, check_completeness
from rds_lake.model.exports.info import COMPLETE, ExportTableInfo, export_folder, parse_tables_info
from rds_lake.model.exports.key import ExportedData, ExportKey, SuccessMarker, TablesInfoFile, parse_export_key
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.databases.exported_files import ExportedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTable:
    """One exported table, with its folder as AWS writes it and its files, possibly none."""

    target: TableTarget
    folder: str
    info: ExportTableInfo
    files: ExportedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContents:
    """Everything that the task wrote, and the findings."""

    tables: tuple[ExportedTable, ...]
    findings: tuple[Finding, ...]


def inspect_export(
    s3: S3Gateway,
    *,
    task: ExportTask,
    include: Sequence[str],
    engine: Engine | None = None,
    default_schema: str | None = None,
    known: Collection[TableTarget] = (),
) -> ExportContents:
    """Lists the task's folder, reads its info files, and checks that the export is complete.

    `engine` decides how `include` is read, `default_schema` where a schema's name ends; both only if lake.yaml has them.
    `known`: tables that the lake had before.

    Raises MalformedExportError if the info files are missing or unreadable.
    """
    # With the trailing slash: the id `a-1` is a prefix of `a-10`.
    listing = _Listing(folder=task.folder)
    ManyS3.of(s3).sizes_below(task.bucket, task.folder, levels=EXPORT_LEVELS, report=listing.add)
    infos = parse_tables_info(
        {file: s3.get_text(task.bucket, key, most=MOST_LISTED) for file, key in listing.infos.items()},
        folders=listing.folders,
        default_schema=default_schema,
    )
    tables = tuple(
        ExportedTable(target=info.target, folder=folder, info=info, files=listing.files_of(folder))
        for info in infos
        if info.target is not None and info.status == COMPLETE
        for folder in [export_folder(info.target)]
    )
    findings = check_completeness(
        task=task, infos=infos, keys=listing.kinds, include=include, engine=engine, known=known
    )
    return ExportContents(tables=tables, findings=findings)


@dataclass(slots=True, kw_only=True)
class _Listing:
    """The listed keys of the export. `kinds` has one data file per folder, which is enough to check completeness."""

    folder: str
    kinds: list[ExportKey] = field(default_factory=list)
    infos: dict[TablesInfoFile, str] = field(default_factory=dict)
    _files: dict[str, ExportedFiles] = field(default_factory=dict)
    _known: dict[str, tuple[ExportedFiles, int]] = field(default_factory=dict)

    def add(self, items: Sequence[tuple[str, int]]) -> None:
        """Adds a page of keys with their sizes."""
        for key, size in items:
            place = self._known.get(key.rpartition("/")[0]) if key.endswith(".parquet") else None
            # One key of a folder is parsed; the others differ in the file's name only.
            files, start = place or self._new(key)
            if files is not None:
                files.add(key[start:], size)

    @property
    def folders(self) -> set[str]:
        """Returns the folders of tables (`database/schema.table` as AWS writes it), including tables without rows."""
        return {kind.folder for kind in self.kinds if isinstance(kind, ExportedData | SuccessMarker)}

    def files_of(self, folder: str) -> ExportedFiles:
        """Returns the files of a table, by its folder in AWS's spelling; may be empty."""
        return self._files.get(folder) or ExportedFiles(f"{self.folder}{folder}/")

    def _new(self, key: str) -> tuple[ExportedFiles | None, int]:
        kind = parse_export_key(key, self.folder)
        self.kinds.append(kind)
        if isinstance(kind, TablesInfoFile):
            self.infos[kind] = key
        if not isinstance(kind, ExportedData):
            return None, 0
        prefix = f"{self.folder}{kind.folder}/"
        files = self._files.setdefault(kind.folder, ExportedFiles(prefix))
        self._known[key.rpartition("/")[0]] = (files, len(prefix))
        return files, len(prefix)
