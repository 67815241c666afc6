"""Versions of asset code and of a date's data, which Dagster compares.

Dagster considers an asset out of date if its code version changed, and downstream assets if its data version changed. So a
date that is made again from the same export, with the same settings, does not start downstream assets with
`AutomationCondition.data_version_changed()`.

A location in the lake contains the export's name and is never overwritten, so location, columns and sizes identify the data.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from rds_lake.defs.keys import Stage
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.source.outcomes import Published

# To be increased when a stage makes different data from the same export.
CODE_VERSIONS: Mapping[Stage, str] = {
    Stage.EXPORT: "1",
    Stage.PARQUET: "1",
    Stage.CATALOG: "1",
    Stage.VIEWS: "1",
}


def of_export(record: ExportRecord) -> dg.DataVersion:
    """Returns the export's id; for DynamoDB, with an export per table, a digest of their ids."""
    if not record.parts:
        return dg.DataVersion(record.export_task)
    return _digest({part.table: sorted(part.arns) for part in record.parts})


def of_manifest(manifest: Manifest) -> dg.DataVersion:
    """Returns a digest of the date's content."""
    return _digest([manifest.export.export_task, sorted(map(_described, manifest.tables))])


def of_view(table: TypedTable) -> dg.DataVersion:
    """Returns a digest of the table's data, and of the names and types in its view."""
    columns = [[column.alias, column.expression] for column in table.columns]
    members = table.named.members or (table.named.manifest,)
    return _digest([table.names.view, columns, sorted(map(_described, members))])


def of_published(outcome: Published, target: TableTarget | None) -> dg.DataVersion:
    """Returns the version of the table's view, or of all views if `target` is None; an empty one without a view."""
    if target is None:
        return of_views(outcome.tables)
    return next((of_view(table) for table in outcome.tables if table.names.target == target), _digest(None))


def of_views(tables: Iterable[TypedTable]) -> dg.DataVersion:
    """Returns the code version of all views of a source together."""
    return _digest(sorted(of_view(table).value for table in tables))


def _described(table: TableManifest) -> str:
    columns = [[column.name, column.hive_type, column.original_type] for column in table.columns]
    return json.dumps([str(table.target), table.location, columns, len(table.files), table.bytes, table.rows])


def _digest(value: Any) -> dg.DataVersion:
    return dg.DataVersion(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32])
