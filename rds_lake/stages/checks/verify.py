"""Row counts of a date against the database's own, for `verify:`.

The database changes after its snapshot, so the counts need not be equal: a table is reported when they differ by more than
`tolerance`, and by more than 100 rows. Estimates (big tables are not counted) may be off by half. A snapshot older than two
days is not compared at all.

What belongs here: the comparison. Asking the database is `database/asked.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rds_lake.config.database import Verify
from rds_lake.database.counts import RowCount
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted

COMPARABLE = timedelta(hours=48)
_FEW_ROWS = 100
_ESTIMATES_TOLERANCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The comparison of one date. `unknown`: tables without a count from the database, each with the reason."""

    snapshot_date: date
    age: timedelta
    exact: int
    estimated: int
    problems: tuple[str, ...]
    unknown: tuple[str, ...]


def is_comparable(manifest: Manifest, *, now: datetime) -> bool:
    """Whether the database is still expected to be similar to the snapshot."""
    return now - manifest.export.snapshot_time <= COMPARABLE


def verify_rows(
    manifest: Manifest, counts: Mapping[TableTarget, RowCount], settings: Verify, *, now: datetime
) -> Verified:
    """Compares every table of the manifest with the database's count."""
    problems: list[str] = []
    unknown: list[str] = []
    for table in manifest.tables:
        count = counts[table.target]
        if count.rows is None:
            unknown.append(f"{table.target}: {count.why}")
            continue
        tolerance = settings.tolerance if count.exact else max(settings.tolerance, _ESTIMATES_TOLERANCE)
        apart = abs(count.rows - table.rows)
        if apart > _FEW_ROWS and apart > tolerance * max(count.rows, table.rows):
            has = f"has {counted(count.rows, 'row')} now" if count.exact else f"estimates {counted(count.rows, 'row')}"
            problems.append(f"{table.target}: the snapshot has {counted(table.rows, 'row')}, the database {has}")
    known = [count for count in counts.values() if count.rows is not None]
    return Verified(
        snapshot_date=manifest.snapshot_date,
        age=now - manifest.export.snapshot_time,
        exact=sum(count.exact for count in known),
        estimated=sum(not count.exact for count in known),
        problems=tuple(problems),
        unknown=tuple(unknown),
    )
