"""Snapshots of a source, and which of them is a date's.

What belongs here: values and choices about snapshots. Finding them in AWS is `aws/rds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An RDS snapshot that can be exported. `created_at` is timezone-aware (SnapshotCreateTime)."""

    arn: str
    identifier: str
    source_identifier: str
    kind: str  # automated | manual | awsbackup, as SnapshotType says it
    engine: str
    created_at: datetime
    status: str
    size_gb: int = 0

    @property
    def date(self) -> date:
        """The partition this snapshot belongs to: the UTC date of its creation."""
        return snapshot_date(self.created_at)


def snapshot_date(created_at: datetime) -> date:
    """The UTC date of a timezone-aware time; a naive time is a programming error."""
    if created_at.tzinfo is None:
        raise ValueError(f"naive time {created_at!r}: snapshot times must carry their zone")
    return created_at.astimezone(UTC).date()


def newest_of_date(snapshots: Iterable[Snapshot], day: date) -> Snapshot | None:
    """The newest available snapshot of that UTC date; two snapshots a day are legal, the later one wins."""
    candidates = [s for s in snapshots if s.status == "available" and s.date == day]
    return max(candidates, key=lambda s: (s.created_at, s.arn), default=None)
