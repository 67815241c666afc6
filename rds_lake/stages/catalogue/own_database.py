"""Checks that a Glue database belongs to this lake: a source's name is its database's name, unique in the account.

A second lake with a source of the same name would move the first lake's partitions and views to its own files.
"""

from __future__ import annotations

from collections.abc import Mapping

from rds_lake.aws.glue import GlueTable
from rds_lake.errors import CatalogError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.catalogue.raw_tables import raw_among


def require_own_database(tables: Mapping[str, GlueTable], layout: LakeLayout, source: str) -> None:
    """Raises CatalogError if raw tables are in another lake's folder. A raw table keeps its original location."""
    own = layout.uri(layout.source_folder(source))
    places = [table.location for table in raw_among(tables).values() if table.location]
    foreign = sorted(place for place in places if not place.startswith(own))
    if foreign:
        raise CatalogError(
            f"the Glue database {source} has {len(foreign)} tables of another lake ({foreign[0]}), so nothing was written. "
            f"Give the source another `name:` in one of the two lakes. If this is the same lake at a new place ({own}), drop "
            "the database's tables first: their files are kept"
        )
