"""Snapshots of a source, and which of them is a date's.

What belongs here: values and choices about snapshots. Finding them in AWS is `aws/rds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Which = Literal["newest", "first"]


LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What can be exported: a snapshot, or a live cluster as of now. `created_at` is timezone-aware."""

    arn: str
    identifier: str
    source_identifier: str
    kind: str  # automated | manual | awsbackup, as SnapshotType says it; live for a cluster itself
    engine: str
    created_at: datetime
    status: str
    size_gb: int = 0

    @property
    def date(self) -> date:
        """The partition this snapshot belongs to: the UTC date of its creation."""
        return snapshot_date(self.created_at)

    @property
    def subject(self) -> str:
        """What an export of it is an export of; a live cluster is another one every day."""
        return live_subject(self.arn, self.date) if self.kind == LIVE else self.arn


def live_subject(cluster_arn: str, day: date) -> str:
    """The subject of the day's export of a live cluster."""
    return f"{cluster_arn}@{day.isoformat()}"


def snapshot_date(created_at: datetime) -> date:
    """The UTC date of a timezone-aware time; a naive time is a programming error."""
    if created_at.tzinfo is None:
        raise ValueError(f"naive time {created_at!r}: snapshot times must carry their zone")
    return created_at.astimezone(UTC).date()


def of_date(snapshots: Iterable[Snapshot], day: date, *, which: Which) -> list[Snapshot]:
    """The available snapshots of that UTC date, the wanted one first; several a day are legal."""
    candidates = [s for s in snapshots if s.status == "available" and s.date == day]
    return sorted(candidates, key=lambda s: (s.created_at, s.arn), reverse=which == "newest")
