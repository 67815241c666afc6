"""Snapshots of a source, and the choice of a date's snapshot.

What belongs here: values and choices about snapshots. `aws/rds.py` finds them in AWS.
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
    """A source of an export: a snapshot, or a live cluster with its current data. Times are timezone-aware.

    `created_at`: the time of its data. For a copy that is the time of the original, and `copied_at` is the time of the
    copy. A copy of `unknown_origin` only has `copied_at`.
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
        """The time when the snapshot itself was created."""
        return self.copied_at or self.created_at

    @property
    def subject(self) -> str:
        """The name by which exports of this snapshot are recognised: its ARN, or its ARN and the date.

        The date belongs to the name of a live cluster, which is exported every day, and of a copy, as AWS reports only
        the time of the copy for its export.
        """
        if self.kind == LIVE:
            return live_subject(self.arn, self.date)
        return copy_subject(self.arn, self.date) if self.copied_at else self.arn


def live_subject(cluster_arn: str, day: date) -> str:
    """Returns the subject of the day's export of a live cluster."""
    return f"{cluster_arn}@{day.isoformat()}"


def copy_subject(snapshot_arn: str, day: date) -> str:
    """Returns the subject of the export of a copied snapshot with that day's data."""
    return f"{snapshot_arn}@{day.isoformat()}"


def snapshot_date(created_at: datetime) -> date:
    """Returns the UTC date of a timezone-aware time. Raises ValueError for a naive time."""
    if created_at.tzinfo is None:
        raise ValueError(f"naive time {created_at!r}: snapshot times must carry their zone")
    return created_at.astimezone(UTC).date()


def of_date(snapshots: Iterable[Snapshot], day: date, *, which: Which) -> list[Snapshot]:
    """Returns the available snapshots with data of that UTC date, the preferred one first. A day may have several.

    A copy comes after its original, as both have the same data. A copy of unknown origin belongs to no date.
    """
    candidates = [s for s in snapshots if s.status == "available" and not s.unknown_origin and s.date == day]
    newest = which == "newest"
    wanted = sorted(candidates, key=lambda s: s.arn, reverse=newest)
    wanted.sort(key=lambda s: s.copied_at or datetime.min.replace(tzinfo=UTC))
    return sorted(wanted, key=lambda s: s.created_at, reverse=newest)
