"""What a source's stages give back, with the metadata that Dagster shows of it.

What belongs here: values. The stages are `source/run.py` and `dynamodb/run.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.model.exports.completeness import Finding
from rds_lake.model.exports.task import ExportRecord
from rds_lake.stages.catalogue.limits import LeftOut
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.sync import TableSync
from rds_lake.stages.checks.quality import TableQuality
from rds_lake.stages.publish.publisher import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedExport:
    """The export of a date and what its inspection found. `findings` with errors: nothing was recorded."""

    record: ExportRecord
    findings: tuple[Finding, ...]
    reused: bool

    def metadata(self) -> dict[str, Any]:
        """Provenance for the materialization."""
        return {
            "rds_lake/snapshot_arn": self.record.snapshot_arn,
            "rds_lake/snapshot_time": self.record.snapshot_time.isoformat(),
            "rds_lake/export_task": self.record.export_task,
            "rds_lake/export_uri": f"s3://{self.record.bucket}/{self.record.folder}",
            "rds_lake/reused": self.reused,
        } | self._increments()

    def _increments(self) -> dict[str, dict[str, str]]:
        """Of an incremental source: what each table is made of, and why some are exported in full."""
        merged = {
            part.table: f"{part.base.day} and {part.items:,} changes of {len(part.steps)} exports"
            for part in self.record.parts
            if part.base is not None
        }
        full = {part.table: part.full_because for part in self.record.parts if part.full_because}
        told = {"rds_lake/incremental": merged, "rds_lake/full_because": full}
        return {name: tables for name, tables in told.items() if tables}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """What the catalogue stage did and what Athena read back. `left_out`: tables that get no view, being too wide."""

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
    """The publication and the tables it was about."""

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
