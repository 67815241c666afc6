"""Which views in Glue belong to `diff_views:`, which of them are outdated, and which names are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rds_lake.model.lake.diff_views import DiffViewsMade
from rds_lake.model.tables.glue import GlueTable
from rds_lake.sql.diff.view import is_diff_view
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.catalogue.published_view import published_view


def own_views(made: DiffViewsMade | None, existing: Mapping[str, GlueTable]) -> set[str]:
    """Returns the views in Glue that rds-lake created: those in the record that nothing has replaced since."""
    known = {*made.views, *made.making} if made else set[str]()
    return {view for view in known if view in existing and is_diff_view(existing[view].view_text)}


def taken_names(dated: DatedTables, wanted: Iterable[str], others: set[str]) -> dict[str, str]:
    """Returns `wanted` views whose names other tables or views have, and a sentence for each."""
    names = {name for table in dated.typed for name in (table.names.view, table.names.raw)}
    return {
        view: "another table or view, not of `diff_views:`, has this name and was not changed. Rename or drop it"
        for view in wanted
        if view in names | others
    }


def stale_views(
    made: DiffViewsMade | None, statements: Mapping[str, str], existing: Mapping[str, GlueTable]
) -> tuple[str, ...]:
    """Returns the views that are not as their statement in `statements` created them."""
    kept = made.views if made else {}
    return tuple(
        view
        for view, sql in sorted(statements.items())
        if view not in existing or kept.get(view) != published_view(sql, existing[view])
    )
