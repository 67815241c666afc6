"""The export of a date after its inspection: what the accept stage returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.model.exports.completeness import Finding
from rds_lake.model.lake.record import ExportRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedExport:
    """The export of a date and the findings of its inspection.

    Where `findings` have errors, nothing was recorded. `reused`: the export was accepted before, or a better one was.
    """

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
