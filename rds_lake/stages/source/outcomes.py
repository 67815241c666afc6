"""The results of the stages after the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.stages.catalogue.limits import LeftOut
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.sync import TableSync
from rds_lake.stages.checks.quality import TableQuality
from rds_lake.stages.publish.move_views import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """The catalogued tables, and what Athena read back. `left_out`: tables that Glue or Athena cannot hold."""

    synced: tuple[TableSync, ...]
    quality: tuple[TableQuality, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The publication and the tables it was about; `left_out`: tables that Glue or Athena cannot hold."""

    publication: Publication
    tables: tuple[TypedTable, ...]
    left_out: tuple[LeftOut, ...] = ()
