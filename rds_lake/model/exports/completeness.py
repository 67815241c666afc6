"""Whether an export with the status COMPLETE has everything: warnings, statuses, markers, expected tables.

What belongs here: the rule, as findings. `stages/databases/inspect.py` reads the files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from rds_lake.model.aws.engine import Engine
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.info import COMPLETE, ExportTableInfo, export_folder
from rds_lake.model.exports.key import ExportedData, ExportKey, ForeignKey, SuccessMarker
from rds_lake.model.exports.remarks import Meaning, Remark, read_remarks
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted

_SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. `error`: readers would miss data; `warning`: for information. `problem` names the table."""

    severity: Literal["error", "warning"]
    problem: str


def check_completeness(
    *,
    task: ExportTask,
    infos: Sequence[ExportTableInfo],
    keys: Collection[ExportKey],
    include: Sequence[str],
    engine: Engine | None = None,
    known: Collection[TableTarget] = (),
) -> tuple[Finding, ...]:
    """Returns everything that the export lacks, and warnings. Without an error, the export is complete.

    `engine` gives the grammar of `include`; `known`: tables that the lake had before; None or empty if unknown.
    """
    return (
        *_warning_message(task),
        *_statuses(infos, known),
        *_folders(infos, keys),
        *_unread(keys),
        *_included(infos, include, engine),
    )


def check_date(snapshot: Snapshot, day: date) -> Finding | None:
    """Returns an error if the exported snapshot has the data of another day: it must not be published under this date."""
    if snapshot.unknown_origin:
        problem = f"{snapshot.identifier} is a copy, and AWS no longer says of which snapshot: the date of its data is unknown"
        return _error(f"{problem}; nothing of it is published")
    if snapshot.date == day:
        return None
    return _error(
        f"{snapshot.identifier} holds the data of {snapshot.date}, not of {day}"
        f"{': it is a copy' if snapshot.copied_at else ''}; materialize {snapshot.date} instead"
    )


def _error(problem: str) -> Finding:
    return Finding(severity="error", problem=problem)


def _warning(problem: str) -> Finding:
    return Finding(severity="warning", problem=problem)


def _warning_message(task: ExportTask) -> Iterator[Finding]:
    """Yields findings for WarningMessage: lost data is an error, an unknown remark a warning, an empty database nothing."""
    for remark in read_remarks(task.warning_message or ""):
        yield from _judged(remark, f"AWS warns about {task.identifier}" if not remark.key else "AWS reports")


def _judged(remark: Remark, about: str) -> Iterator[Finding]:
    if remark.meaning is Meaning.LOSS:
        yield _error(
            f"{about} {remark}{_remedy(str(remark))}" if remark.key else f"{about}: {remark}{_remedy(str(remark))}"
        )
    elif remark.meaning is Meaning.UNKNOWN:
        yield _warning(f"{about} {remark}" if remark.key else f"{about}: {remark}")


def _remedy(text: str) -> str:
    if "PERMISSIONS_DO_NOT_EXIST" in text:
        return (
            "; the master user may not read it: GRANT USAGE on its schema and SELECT on its tables to the master "
            "user, then take a new snapshot"
        )
    if "FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE" in text:
        return (
            "; AWS could not list a database's tables: delete this export's folder in S3, then materialize the date again to "
            "export it again"
        )
    return ""


def _statuses(infos: Sequence[ExportTableInfo], known: Collection[TableTarget]) -> Iterator[Finding]:
    for info in infos:
        remarks = read_remarks(info.warning or "", of_database=info.target is None)
        if info.target is None:
            yield from _database(info, remarks, known)
            continue
        detail = "".join(f": {remark}{_remedy(str(remark))}" for remark in remarks)
        if info.status != COMPLETE:
            yield _error(f"table {info.target} ended {info.status or 'without a status'}{detail}")
            continue
        for remark in remarks:
            yield from _judged(remark, f"of table {info.target} AWS says")
        if info.is_cut_short:
            yield _error(
                f"table {info.target} is announced as COMPLETE, but AWS finished only {info.completed_partitions} of its "
                f"{info.partitions} parts: rows are missing; take a new snapshot, or have this one exported again"
            )


def _database(info: ExportTableInfo, remarks: Sequence[Remark], known: Collection[TableTarget]) -> Iterator[Finding]:
    """Yields findings for an entry about a whole database. Every RDS for PostgreSQL has an empty `postgres`, which AWS skips."""
    name = info.raw_target
    had = sum(target.database == name for target in known)
    for remark in remarks:
        if remark.meaning is Meaning.LOSS or (remark.meaning is Meaning.UNKNOWN and remark.skips_database and had):
            tables = f"; the lake knows {counted(had, 'table')} of it" if had else ""
            yield _error(f"database {name} was not exported completely: {remark}{tables}{_remedy(str(remark))}")
        elif remark.meaning is Meaning.UNKNOWN:
            yield _warning(f"of database {name} AWS says {remark}")
    if info.status not in ("", COMPLETE) and not (remarks and info.status == _SKIPPED):
        yield _error(f"database {name} was not exported completely: it ended {info.status}")


def _folders(infos: Sequence[ExportTableInfo], keys: Collection[ExportKey]) -> Iterator[Finding]:
    """Compares files with announcements: every announced table ended, every file is announced, no two tables share a folder."""
    announced: dict[str, list[TableTarget]] = defaultdict(list)
    for info in infos:
        if info.target is not None and info.status == COMPLETE:
            announced[export_folder(info.target)].append(info.target)
    data = {(key.folder, key.index) for key in keys if isinstance(key, ExportedData)}
    ended = {(key.folder, key.index) for key in keys if isinstance(key, SuccessMarker)}
    present = {folder for folder, _ in data | ended}
    for folder, targets in announced.items():
        if len(targets) > 1:
            names = " and ".join(map(str, targets))
            yield _error(f"tables {names} share the folder {folder}: their rows cannot be separated; rename one")
        if folder not in present:
            yield _error(f"table {targets[0]} is announced as COMPLETE, but nothing of it is in S3")
    every_table = {export_folder(info.target) for info in infos if info.target is not None}
    for folder, index in sorted(data):
        if folder not in every_table:
            yield _error(f"there are files of {folder}, which AWS's table information does not name")
        # The older layout has no index folder, and the place of its marker is not documented.
        if index and (folder, index) not in ended:
            yield _error(f"folder {folder}/{index} has files but no _SUCCESS: AWS did not finish it")


def _unread(keys: Collection[ExportKey]) -> Iterator[Finding]:
    """Yields an error for data that fits no table, as AWS may change its naming: such data must not be ignored silently.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
    """
    for key in keys:
        if not isinstance(key, ForeignKey):
            continue
        name = key.key.rpartition("/")[2]
        if name.startswith("part-") or name.endswith(".parquet"):
            yield _error(
                f"{key.key} looks like a table's data, but lies where no layout known to rds-lake has it, and would not "
                "be copied: keep the export and report the key"
            )


def _included(infos: Sequence[ExportTableInfo], include: Sequence[str], engine: Engine | None) -> Iterator[Finding]:
    """Yields items of `include` without any exported table; an empty database that AWS names counts as exported."""
    engines = [engine] if engine else list(Engine)
    names = {name for info in infos if info.target for each in engines for name in each.items_of(info.target)}
    names |= {info.raw_target for info in infos if info.target is None}
    for item in include:
        if item not in names:
            yield _error(f"`include` asks for {item}, and the export has nothing of it: correct lake.yaml")
