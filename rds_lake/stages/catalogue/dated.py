"""A snapshot date's tables as they are catalogued: manifest, raw tables, typed columns.

What belongs here: looking the three up together.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.catalogue.limits import LeftOut, with_legal_types, with_legal_views
from rds_lake.stages.catalogue.naming import TypedTable, name_tables, type_tables
from rds_lake.stages.catalogue.raw_tables import NamedTable, published_names
from rds_lake.stages.catalogue.sync import locate
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedTables:
    """`typed` are the `located` tables with their view columns, in the same order, without those that can have no view.

    `left_out` are those, and tables that could not be catalogued.
    """

    manifest: Manifest
    located: tuple[NamedTable, ...]
    typed: tuple[TypedTable, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def snapshot_date(self) -> date:
        return self.manifest.snapshot_date


def tables_of(lake: Lake, source: SourceSettings, day: date, *, views: Collection[str] | None = None) -> DatedTables:
    """The tables of the date, or those with these views; ManifestError or CatalogError say what to materialize first."""
    manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
    existing = lake.glue.list_tables(source.name)
    named = [
        table
        for table in name_tables(manifest, source, published_names(existing))
        if views is None or table.names.view in views
    ]
    tables, too_long = with_legal_types(named)
    located = locate(lake.glue, manifest=manifest, tables=tables, existing=existing)
    typed, too_wide = with_legal_views(type_tables(located, source), source, day)
    return DatedTables(manifest=manifest, located=located, typed=typed, left_out=(*too_long, *too_wide))
