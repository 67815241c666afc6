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
BACKUP = "awsbackup"  # both SnapshotType and the beginning of the snapshot's identifier, `awsbackup:job-<id>`


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What can be exported: a snapshot, or a live cluster as of now. Times are timezone-aware.

    `created_at` is the time of its data: of a copy the time of what was copied, and `copied_at` that of the copy. A copy of
    `unknown_origin` has only the latter.
    """

    arn: str
    identifier: str
    source_identifier: str
    kind: str  # automated | manual | awsbackup, as SnapshotType says it; live for a cluster itself
    engine: str
    created_at: datetime
    status: str
    size_gb: int = 0
    copied_at: datetime | None = None
    unknown_origin: bool = False

    @property
    def date(self) -> date:
        """The partition this snapshot belongs to: the UTC date of its data."""
        return snapshot_date(self.created_at)

    @property
    def there_since(self) -> datetime:
        """When the snapshot itself was made."""
        return self.copied_at or self.created_at

    @property
    def subject(self) -> str:
        """The name by which exports of this snapshot are recognised: its ARN, or one that also has the date.

        The date is a part of it for a live cluster, which is exported every day, and for a copy, of whose export AWS reports only
        the time of the copy.
        """
        if self.kind == LIVE:
            return live_subject(self.arn, self.date)
        return copy_subject(self.arn, self.date) if self.copied_at else self.arn


def live_subject(cluster_arn: str, day: date) -> str:
    """The subject of the day's export of a live cluster."""
    return f"{cluster_arn}@{day.isoformat()}"


def copy_subject(snapshot_arn: str, day: date) -> str:
    """The subject of the export of a copied snapshot with that day's data."""
    return f"{snapshot_arn}@{day.isoformat()}"


def snapshot_date(created_at: datetime) -> date:
    """The UTC date of a timezone-aware time; a naive time is a programming error."""
    if created_at.tzinfo is None:
        raise ValueError(f"naive time {created_at!r}: snapshot times must carry their zone")
    return created_at.astimezone(UTC).date()


def of_date(snapshots: Iterable[Snapshot], day: date, *, which: Which) -> list[Snapshot]:
    """The available snapshots with data of that UTC date, the wanted one first; several a day are legal.

    A copy comes after what it was copied from: they hold the same. One of unknown origin is of no date.
    """
    candidates = [s for s in snapshots if s.status == "available" and not s.unknown_origin and s.date == day]
    newest = which == "newest"
    wanted = sorted(candidates, key=lambda s: s.arn, reverse=newest)
    wanted.sort(key=lambda s: s.copied_at or datetime.min.replace(tzinfo=UTC))
    return sorted(wanted, key=lambda s: s.created_at, reverse=newest)
