"""The record of a date's accepted export, which `snapshot_export` hands over to `parquet`.

What belongs here: the values. Their JSON is in `manifest_json.py`; `stages/lake/handover.py` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.model.dynamodb.chain import Base, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStep:
    """One incremental export of a table: the changes of one window."""

    window: Window
    export_arn: str
    folder: str
    manifest_key: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPart:
    """The export, or scan, of one table, for a date with an export per table (DynamoDB).

    `folder` (with a trailing slash): the files of this export only. `items`: AWS's count; `billed_bytes`: what AWS
    charges for. A part with `steps` is the date `base` and the changes since, in that order; it then names the export
    of the last step, and counts changes. `full_because`: why a table of an incremental source was exported in full.
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
        """The ARNs of every export that the part consists of."""
        return frozenset([self.export_arn, *(step.export_arn for step in self.steps)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """The accepted export of one source and date: the hand-over from `snapshot_export` to `parquet`.

    `parts`: exports of single tables, if there are any; `folder` then contains all of them.
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
        """Whether another export is better for the date: by its snapshot, or of the same instant and started later."""
        if self.export_task == other.export_task:
            return False
        if self.snapshot_time != other.snapshot_time:
            return (self.snapshot_time < other.snapshot_time) == newest
        return self.started_at is not None and other.started_at is not None and self.started_at < other.started_at
