"""Scans the tables of a date that are not scanned yet.

A scan does not show one instant: it may or may not have items that are written while it runs, and tables are read one after
the other. It reads current data, so a date can be scanned on that day only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rds_lake.errors import SnapshotNotFoundError
from rds_lake.model.dynamodb.export_set import BegunSet, ExportSet
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.scanning.settings import ScanSettings
from rds_lake.stages.dynamodb.scanning.table import TableScan

NOT_ONE_INSTANT = "scanned, not exported: the rows of a table were read at different times"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Scans a source's tables. `converted`: ARNs of scans that are in the lake already and need not be repeated."""

    exports: DynamoExports
    settings: ScanSettings
    converted: frozenset[str] = frozenset()

    def run(self, day: date, *, now: datetime) -> ExportSet:
        """Scans the date's tables that are not scanned yet; returns the scans as complete exports.

        SnapshotNotFoundError for a date that is not today and was not begun then.
        """
        begun = self._begin(day, now)
        scans: dict[str, TableExport | None] = {}
        for name, arn in begun.tables.items():
            assert arn is not None, "a scan has its ARN from the beginning"
            scan = TableScan(exports=self.exports, settings=self.settings, arn=arn, day=day, begun_at=begun.moment)
            if arn not in self.converted:
                self.exports.log(f"{name}: {NOT_ONE_INSTANT}")
                scan.run(name)
            scans[name] = scan.export()
        return ExportSet(source=self.exports.plan.source, snapshot_date=day, moment=begun.moment, exports=scans)

    def _begin(self, day: date, now: datetime) -> BegunSet:
        """Returns the date's scans with their ARNs, which are recorded so that another run continues the same scans."""
        begun = self.exports.find_begun(day)
        tables = dict(begun.tables) if begun else {}
        today = now.astimezone(UTC).date()
        if begun is None and day != today:
            raise SnapshotNotFoundError(
                f"{self.exports.plan.source} uses `method: scan`, which reads the current items: {day} can only be scanned on "
                "that day; use `method: export` for other dates"
            )
        if day == today:
            stamp = f"scan-{now.astimezone(UTC):%Y%m%dT%H%M%S}"
            for name, table in self.exports.present_tables(skip=tables).items():
                tables[name] = f"{table.arn}/export/{stamp}-{_short(name)}"
            tables = {name: tables[name] for name in self.exports.plan.matching(tables)}
        moment = begun.moment if begun else now.astimezone(UTC).replace(microsecond=0)
        fresh = BegunSet(moment=moment, tables=tables)
        if begun is None or dict(begun.tables) != tables:
            return self.exports.record_begun(day, fresh, read=begun)
        return begun


def _short(name: str) -> str:
    """Returns a short digest of the table's name: scans of several tables begin in the same second and share a folder."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]
