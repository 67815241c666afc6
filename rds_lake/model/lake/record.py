"""The record of a date's accepted export: what `snapshot_export` leaves for `parquet`.

What belongs here: the values. Their JSON is `manifest_json.py`, writing it `stages/lake/handover.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.model.dynamodb.chain import Base, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStep:
    """One incremental export of a table: the changes of a window."""

    window: Window
    export_arn: str
    folder: str
    manifest_key: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPart:
    """One table's export of a date that has an export per table (DynamoDB), or its scan.

    `folder` (with trailing slash) is what it alone wrote; `items` is what AWS counted, `billed_bytes` what it charges for.
    A part with `steps` is the date `base` and the changes since, in that order; it then names the last step's export, and
    counts changes. `full_because` says why a table of an incremental source was exported in full.
    """

    table: str
    export_arn: str
    folder: str
    manifest_key: str
    items: int
    billed_bytes: int = 0
    table_id: str = ""
    base: Base | None = None
    steps: tuple[ExportStep, ...] = ()
    full_because: str = ""

    @property
    def arns(self) -> frozenset[str]:
        """Every export that it is made of."""
        return frozenset([self.export_arn, *(step.export_arn for step in self.steps)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """The accepted export of one source and date: the hand-over from `snapshot_export` to `parquet`.

    `parts` are the exports of single tables where there are such; `folder` is then what contains them all.
    """

    source: str
    snapshot_date: date
    snapshot_arn: str
    snapshot_time: datetime
    export_task: str
    bucket: str
    folder: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    parts: tuple[ExportPart, ...] = ()

    def yields_to(self, other: ExportRecord, *, newest: bool = True) -> bool:
        """Whether another export of the date serves it better: by its snapshot, and of the same instant by the later start."""
        if self.export_task == other.export_task:
            return False
        if self.snapshot_time != other.snapshot_time:
            return (self.snapshot_time < other.snapshot_time) == newest
        return self.started_at is not None and other.started_at is not None and self.started_at < other.started_at
