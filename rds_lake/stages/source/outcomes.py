"""What the stages from the manifest on return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.stages.catalogue.limits import LeftOut
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.sync import TableSync
from rds_lake.stages.checks.quality import TableQuality
from rds_lake.stages.publish.publisher import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """What the catalogue stage did and what Athena read back. `left_out`: tables that are too wide for a view."""

    synced: tuple[TableSync, ...]
    quality: tuple[TableQuality, ...]
    left_out: tuple[LeftOut, ...] = ()

    def metadata(self) -> dict[str, Any]:
        """Counts for the materialization."""
        return {
            "rds_lake/tables": len(self.synced),
            "rds_lake/tables_created": sum(sync.table == "created" for sync in self.synced),
            "rds_lake/tables_updated": sum(sync.table == "updated" for sync in self.synced),
            "rds_lake/partitions_changed": sum(sync.partition != "unchanged" for sync in self.synced),
            "dagster/row_count": sum(table.rows_read for table in self.quality),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The publication and the tables it was about; `left_out`: tables that are too wide for a view."""

    publication: Publication
    tables: tuple[TypedTable, ...]
    left_out: tuple[LeftOut, ...] = ()

    def metadata(self) -> dict[str, Any]:
        """Counts for a source without table assets."""
        return {
            "rds_lake/latest": self.publication.latest.isoformat() if self.publication.latest else "nothing yet",
            "rds_lake/state": self.publication.state.value,
            "rds_lake/became_latest": self.publication.became_latest,
            "rds_lake/views": len(self.tables),
            "rds_lake/views_moved": len(self.publication.flipped),
            "rds_lake/views_dropped": list(self.publication.dropped),
        }
