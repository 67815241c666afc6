"""Looks up a snapshot date's catalogued tables: manifest, raw tables, and typed columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import Pointer
from rds_lake.model.tables.glue import GlueTable
from rds_lake.sql.views import render_view
from rds_lake.stages.catalogue.limits import LeftOut, with_legal_types, with_legal_views
from rds_lake.stages.catalogue.locate import locate
from rds_lake.stages.catalogue.naming import TypedTable, name_tables, type_tables
from rds_lake.stages.catalogue.published_view import is_published
from rds_lake.stages.catalogue.raw_tables import NamedTable, published_names
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedTables:
    """`typed`: the `located` tables with their view columns, in the same order, without those that can have no view.

    `left_out`: tables without a view, and tables that could not be catalogued.
    """

    manifest: Manifest
    located: tuple[NamedTable, ...]
    typed: tuple[TypedTable, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def snapshot_date(self) -> date:
        return self.manifest.snapshot_date


def tables_of(
    lake: Lake,
    source: SourceSettings,
    day: date,
    *,
    views: Collection[str] | None = None,
    published: Pointer | None = None,
) -> DatedTables:
    """Returns the tables of the date, or those with these views. Raises ManifestError or CatalogError, which say what to materialize.

    Glue is asked for the date's partition of every table, except tables whose view is published for this same export,
    as `published` shows: their views do not move.
    """
    manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
    existing = lake.glue.find_tables(source.name)
    if existing is None:
        raise CatalogError(
            f"{source.name} is not catalogued for {day}, since there is no Glue database {source.name}; materialize `catalog` first"
        )
    named = [
        table
        for table in name_tables(manifest, source, published_names(existing))
        if views is None or table.names.view in views
    ]
    tables, too_long = with_legal_types(named)
    is_shown = _is_shown(source, manifest, existing, published)
    located = locate(lake.glue, manifest=manifest, tables=tables, existing=existing, is_shown=is_shown)
    typed, too_wide = with_legal_views(type_tables(located, source), source, day)
    return DatedTables(manifest=manifest, located=located, typed=typed, left_out=(*too_long, *too_wide))


def _is_shown(
    source: SourceSettings, manifest: Manifest, existing: Mapping[str, GlueTable], pointer: Pointer | None
) -> Callable[[NamedTable], bool]:
    """Whether readers see a table of the manifest in the given version."""
    if pointer is None or pointer.export_task != manifest.export.export_task:
        return lambda _: False

    def is_shown(named: NamedTable) -> bool:
        if named.names.view not in pointer.views:
            return False
        try:
            ((names, columns),) = [(table.names, table.columns) for table in type_tables([named], source)]
        except CatalogError:
            return False  # the caller types all tables, and names every setting that does not fit
        statement = render_view(source.name, names, columns, manifest.snapshot_date)
        return is_published(pointer, existing, names.view, statement)

    return is_shown
