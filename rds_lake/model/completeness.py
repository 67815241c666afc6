"""Whether an export that says COMPLETE is complete (traps T11): warnings, statuses, markers, expected tables.

What belongs here: the rule, as findings. Reading the files is `stages/inspect_export.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rds_lake.model.export import ExportTask
from rds_lake.model.export_info import ExportTableInfo, export_folder
from rds_lake.model.export_key import ExportedData, ExportKey, ForeignKey, SuccessMarker
from rds_lake.model.table import TableTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `error`: a reader would miss data; `warning`: worth knowing. `problem` names the table."""

    severity: Literal["error", "warning"]
    problem: str


def check_completeness(
    *,
    task: ExportTask,
    infos: Sequence[ExportTableInfo],
    keys: Collection[ExportKey],
    include: Sequence[str],
) -> tuple[Finding, ...]:
    """Everything that keeps this export from being the whole truth; no errors means it is complete."""
    return (
        *_warning_message(task),
        *_statuses(infos),
        *_folders(infos, keys),
        *_unread(keys),
        *_included(infos, include),
    )


def _error(problem: str) -> Finding:
    return Finding(severity="error", problem=problem)


def _warning(problem: str) -> Finding:
    return Finding(severity="warning", problem=problem)


def _warning_message(task: ExportTask) -> Iterator[Finding]:
    """WarningMessage is a JSON document inside a string (aws-facts 1.6)."""
    if not task.warning_message:
        return
    try:
        body = json.loads(task.warning_message)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        yield _error(f"AWS warns about {task.identifier}: {task.warning_message}")
        return
    for key, entries in body.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            if entry:
                yield _error(f"AWS reports {key}: {_words(entry)}{_remedy(str(entry))}")


def _words(entry: Any) -> str:
    if isinstance(entry, dict):
        return ", ".join(f"{name} {value}" for name, value in entry.items())
    return str(entry)


def _remedy(text: str) -> str:
    if "PERMISSIONS_DO_NOT_EXIST" in text:
        return (
            "; the master user may not read it: GRANT USAGE on its schema and SELECT on its tables to the master "
            "user, then take a new snapshot"
        )
    if "FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE" in text:
        return (
            "; AWS could not list a database's tables: delete this export's folder in S3, then materialize the date "
            "again to export once more"
        )
    return ""


def _statuses(infos: Sequence[ExportTableInfo]) -> Iterator[Finding]:
    for info in infos:
        detail = f": {info.warning}{_remedy(info.warning)}" if info.warning else ""
        if info.target is None and not info.warning and info.status in ("", "COMPLETE"):
            continue
        if info.target is None:
            yield _error(f"database {info.raw_target} was not exported whole{detail or f' ({info.status})'}")
        elif info.status != "COMPLETE":
            yield _error(f"table {info.target} ended {info.status or 'without a status'}{detail}")
        elif info.warning:
            yield _warning(f"table {info.target}{detail}")


def _folders(infos: Sequence[ExportTableInfo], keys: Collection[ExportKey]) -> Iterator[Finding]:
    """Files against announcements: every announced table ended, every file announced, no two tables in one folder."""
    announced: dict[str, list[TableTarget]] = defaultdict(list)
    for info in infos:
        if info.target is not None and info.status == "COMPLETE":
            announced[export_folder(info.target)].append(info.target)
    data = {(key.folder, key.index) for key in keys if isinstance(key, ExportedData)}
    ended = {(key.folder, key.index) for key in keys if isinstance(key, SuccessMarker)}
    present = {folder for folder, _ in data | ended}
    for folder, targets in announced.items():
        if len(targets) > 1:
            names = " and ".join(map(str, targets))
            yield _error(f"tables {names} share the folder {folder}: their rows cannot be told apart; rename one")
        if folder not in present:
            yield _error(f"table {targets[0]} is announced as COMPLETE, but nothing of it is in S3")
    every_table = {export_folder(info.target) for info in infos if info.target is not None}
    for folder, index in sorted(data):
        if folder not in every_table:
            yield _error(f"there are files of {folder}, which AWS's table information does not name")
        # The older layout has no index folder, and nothing says where its marker stands.
        if index and (folder, index) not in ended:
            yield _error(f"folder {folder}/{index} has files but no _SUCCESS: AWS did not finish it")


def _unread(keys: Collection[ExportKey]) -> Iterator[Finding]:
    """AWS says its naming may change (aws-facts 1.1): rows we cannot place must not be left behind in silence."""
    for key in keys:
        if not isinstance(key, ForeignKey):
            continue
        name = key.key.rpartition("/")[2]
        if name.startswith("part-") or name.endswith(".parquet"):
            yield _error(
                f"{key.key} looks like a table's data, but lies where no layout known to rds-lake has it, and would not "
                "be copied: keep the export and report the key"
            )


def _included(infos: Sequence[ExportTableInfo], include: Sequence[str]) -> Iterator[Finding]:
    exported = [info.target for info in infos if info.target is not None]
    names = {name for t in exported for name in (t.database, f"{t.database}.{t.schema}", str(t))}
    for item in include:
        if item not in names:
            yield _error(f"`include` asks for {item}, and the export has nothing of it: correct lake.yaml")
