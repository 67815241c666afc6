"""The export of a date, inspected."""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.exports.completeness import Finding
from rds_lake.model.lake.record import ExportRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedExport:
    """The export of a date and what its inspection found. `findings` with errors: nothing was recorded.

    `reused`: the date's files are in the lake already, made of `record`, and are used as they are.
    """

    record: ExportRecord
    findings: tuple[Finding, ...]
    reused: bool
