"""Metadata of a table's asset, or of all views' asset, for each date: state, size, changes and location.

Dagster plots numbers over the dates, so each key has one unit: rows, bytes or values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.model.aws.console import Console
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.described import Described, DescribedColumn, DescribedTable, shortened
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import qualified
from rds_lake.sql.view_columns import ViewColumn
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.checks.previous import RowComparison
from rds_lake.stages.source.outcomes import Published

_STATES: Mapping[State, str] = {
    State.PUBLISHED: "published",
    State.HELD: "held: no view moves until a person publishes the date",
    State.OLDER: "available as of its date; a newer date is published",
    State.ROLLED_BACK: "available as of its date; the source was rolled back from it",
}

LostValues = Mapping[str, Mapping[str, int]]  # per table the columns that lost values, and how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Further facts of a date. `console`: None outside of AWS.

    `lost`: by table, the columns that lost values; None if Dagster has no record of the counts of `catalog`. `described`: the
    database's comments and names of enums, for a source with `verify:`.
    """

    compared: RowComparison | None = None
    lost: LostValues | None = None
    console: Console | None = None
    described: Described = field(default_factory=Described)


def table_published(
    source: SourceSettings, outcome: Published, target: TableTarget | None, day: date, known: Known
) -> dict[str, Any]:
    """Returns a table's outcome when the source's views moved or were held; of all views if `target` is None."""
    if target is None:
        return metadata.published(outcome) | _all_views(outcome)
    seen = {metadata.READERS_SEE: metadata.readers_see(outcome.publication), metadata.DATE: day.isoformat()}
    table = next((table for table in outcome.tables if table.names.target == target), None)
    if table is not None:
        return {
            metadata.STATUS: _STATES[outcome.publication.state],
            **seen,
            **_view(source, table, known.described.of(target)),
            **_compared(known, table),
            **_links(source, table, known.console),
        }
    reason = next((left.reason for left in outcome.left_out if left.table == str(target)), None)
    return {metadata.STATUS: f"no view: {reason}" if reason else "absent", **seen}


def _all_views(outcome: Published) -> dict[str, Any]:
    manifests = [table.named.manifest for table in outcome.tables]
    return {
        metadata.ROWS: sum(manifest.rows for manifest in manifests),
        metadata.BYTES: sum(manifest.bytes for manifest in manifests),
    }


def _raw_column(table: TypedTable, column: ViewColumn) -> str:
    """Returns `snapshots_orders.total`: the raw tables of a source are one asset."""
    return f"{table.names.raw}.{column.name.lower()}"


def _view(source: SourceSettings, table: TypedTable, described: DescribedTable) -> dict[str, Any]:
    manifest: TableManifest = table.named.manifest
    lineage = {
        column.alias: [
            dg.TableColumnDep(asset_key=stage_key(source, Stage.CATALOG), column_name=_raw_column(table, column))
        ]
        for column in table.columns
    }
    originals = {column.name: column.original_type for column in manifest.columns}
    columns = [
        dg.TableColumn(
            name=column.alias,
            type=column.presto_type,
            description=_described(
                originals.get(column.name, "not in this snapshot: NULL"), described.columns.get(column.name)
            ),
        )
        for column in table.columns
    ]
    return {
        metadata.ROWS: manifest.rows,
        metadata.BYTES: manifest.bytes,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/column_lineage": dg.TableColumnLineage(lineage),
        "dagster/table_name": f"awsdatacatalog.{source.name}.{table.names.view}",
        "dagster/uri": manifest.location,
        "rds_lake/original_table": str(manifest.target),
        **({"rds_lake/comment": shortened(described.comment)} if described.comment else {}),
    }


def _described(original: str | None, described: DescribedColumn | None) -> str | None:
    """Returns the database's comment if `verify:` read it; otherwise the type, the only thing that an export says about a column."""
    if described is not None:
        return described.sentence(original)
    return f"{original}: a type that the database defines, such as an enum" if original == "USER-DEFINED" else original


def _compared(known: Known, table: TypedTable) -> dict[str, Any]:
    """Returns the change of the table's rows since the date before, and the values that its view loses, as numbers."""
    shown: dict[str, Any] = {}
    compared = known.compared
    change = compared.change_of(table.names.target) if compared else None
    if compared is not None and change is not None:
        shown["rds_lake/compared_with"] = str(compared.previous) if compared.previous else "nothing: the first date"
        if change.before is not None:
            shown |= {"rds_lake/rows_before": change.before, "rds_lake/rows_more": change.now - change.before}
    if known.lost is None:
        return shown
    lost = known.lost.get(str(table.names.target), {})
    shown["rds_lake/values_lost"] = sum(lost.values())
    return shown | ({metadata.LOST_OF: dict(lost)} if lost else {})


def _links(source: SourceSettings, table: TypedTable, console: Console | None) -> dict[str, Any]:
    view = qualified(source.name, table.names.view)
    shown: dict[str, Any] = {"rds_lake/query": f"SELECT * FROM {view} LIMIT 10"}
    if console is not None:
        shown |= {
            "rds_lake/files_in_s3": dg.MetadataValue.url(console.folder(table.named.manifest.location)),
            "rds_lake/query_editor": dg.MetadataValue.url(console.query_editor),
        }
    return shown
