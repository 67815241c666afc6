"""A snapshot's changes of tables for Dagster: a Markdown table, and a check with a severity.

What belongs here: showing changes. What does not: finding them (`model/tables/evolution.py`, `stages/catalogue/placement.py`).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.model.tables.evolution import Change, Kind
from rds_lake.stages.catalogue.sync import TableSync

SCHEMA_CHANGES = "schema_changes"
_SHOWN = 200

# Changes that may break a reader's query; all others pass, and are in the report.
_WARNS = {Kind.WIDENED, Kind.RETYPED}
_ERRS = {Kind.INCOMPATIBLE}


def changed_tables(synced: Sequence[TableSync]) -> dict[str, Any]:
    """Returns the report as metadata of the catalogue's materialization."""
    return metadata.schema_changes(_table(_rows(synced)))


def schema_changes(source: SourceSettings, synced: Sequence[TableSync], *, day: date) -> dg.AssetCheckResult:
    """Returns a check that passes for added, removed or moved columns, warns for changed types, and fails for a new `__vN`."""
    rows = _rows(synced)
    kinds = {change.kind for _, change in rows}
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.CATALOG),
        check_name=SCHEMA_CHANGES,
        passed=kinds.isdisjoint(_WARNS | _ERRS),
        severity=dg.AssetCheckSeverity.WARN if kinds.isdisjoint(_ERRS) else dg.AssetCheckSeverity.ERROR,
        description=f"{day}: {_summary(synced, rows)}",
        metadata=metadata.about_date(day) | metadata.schema_changes(_table(rows)),
    )


def _rows(synced: Sequence[TableSync]) -> list[tuple[TableSync, Change]]:
    return [(sync, change) for sync in synced for change in sync.changes]


def _summary(synced: Sequence[TableSync], rows: Sequence[tuple[TableSync, Change]]) -> str:
    """Returns the number of changes of each kind, and which raw tables the views read now."""
    if not rows:
        return "no table changed"
    kinds = [change.kind for _, change in rows]
    counted = ", ".join(_counted(kind, kinds.count(kind)) for kind in Kind if kind in kinds)
    moved = [
        f"the view {sync.named.names.view!r} reads {sync.raw!r} from this date on; earlier dates stay in "
        + " and ".join(repr(name) for name, _ in sync.named.elsewhere)
        for sync in synced
        if any(change.kind in _ERRS for change in sync.changes)
    ]
    return "; ".join([counted, *moved])


def _counted(kind: Kind, count: int) -> str:
    """`2 new tables`, `1 column widened`."""
    many = "" if count == 1 else "s"
    whole = {
        Kind.NEW_TABLE: f"new table{many}",
        Kind.REORDERED: "table with its columns reordered" if count == 1 else "tables with their columns reordered",
        Kind.KEPT_APART: f"type{many} of an older date kept apart",
    }
    return f"{count} {whole.get(kind, f'column{many} {kind.value}')}"


def _table(rows: Sequence[tuple[TableSync, Change]]) -> str:
    if not rows:
        return "No table changed."
    lines = [
        f"| {_cell(str(sync.named.names.target))} | {_cell(change.column)} | {change.kind.value} "
        f"| {_cell(change.before)} | {_cell(change.after)} | {_cell(sync.raw)} |"
        for sync, change in rows[:_SHOWN]
    ]
    more = [f"\n… and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    head = ["| table | column | what changed | from | to | raw table |", "|---|---|---|---|---|---|"]
    return "\n".join(head + lines + more)


def _cell(text: str) -> str:
    """Returns a name or type as code for a table cell; names come from the database and may have any characters."""
    shown = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{shown}`" if shown else ""
