"""Which views in Glue are of `diff_views:`, which of them are out of date, and which names are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rds_lake.model.lake.diff_views import DiffViewsMade
from rds_lake.model.tables.glue import GlueTable
from rds_lake.sql.diff.view import is_diff_view
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.catalogue.published_view import published_view


def own_views(made: DiffViewsMade | None, existing: Mapping[str, GlueTable]) -> set[str]:
    """The views in Glue that rds-lake made: named by the record, and not replaced by a person or a table's own view since."""
    known = {*made.views, *made.making} if made else set[str]()
    return {view for view in known if view in existing and is_diff_view(existing[view].view_text)}


def taken_names(dated: DatedTables, wanted: Iterable[str], others: set[str]) -> dict[str, str]:
    """Views that are `wanted` and whose names are taken by tables or views that rds-lake did not make, and a sentence for each."""
    names = {name for table in dated.typed for name in (table.names.view, table.names.raw)}
    return {
        view: "another table or view, not of `diff_views:`, has this name and was not changed. Rename or drop it"
        for view in wanted
        if view in names | others
    }


def stale_views(
    made: DiffViewsMade | None, statements: Mapping[str, str], existing: Mapping[str, GlueTable]
) -> tuple[str, ...]:
    """The views that do not have their statement of `statements`, or not as they were made."""
    kept = made.views if made else {}
    return tuple(
        view
        for view, sql in sorted(statements.items())
        if view not in existing or kept.get(view) != published_view(sql, existing[view])
    )
