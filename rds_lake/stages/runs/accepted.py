"""The result of the accept stage: the export of a date after its inspection."""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.exports.completeness import Finding
from rds_lake.model.lake.record import ExportRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedExport:
    """The export of a date and the findings of its inspection.

    If `findings` have errors, nothing was recorded. `reused`: the export was accepted before, or a better one was.
    """

    record: ExportRecord
    findings: tuple[Finding, ...]
    reused: bool
