"""The runs of assets and the incidents that sensors request.

What belongs here: these values and their keys. They are made by `watch/events.py` and the kinds' `reconcile.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.stages.lake.pointer import Repair

# begin: start or adopt the export and end. settle: take over an ended export. scan: read tables, all in one run. convert:
# read the results of Glue runs, and all stages that follow. repair: publish the published date again, from `catalog` on.
Trigger = Literal["begin", "settle", "scan", "convert", "repair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """One run of a source's assets. `key` is the same for a redelivered event, so that no export is paid for twice.

    `subject`: what is exported (`Snapshot.subject`), the label by which later ticks find the run. `ended_at`: the end of the
    settled export, if AWS gives it.
    """

    key: str
    source: str
    snapshot_date: date
    trigger: Trigger
    whole_source: bool
    subject: str
    export_task: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedIncident:
    """A problem for a person that no failed run reports. One incident keeps one `key`, and so is mailed once.

    `is_over`: it reports the end of an earlier one.
    """

    key: str
    source: str
    what: str
    cause: str
    next_step: str
    is_over: bool = False


def starting_run(source: str, snapshot: Snapshot) -> WantedRun:
    """Returns the run that starts or adopts the export of the snapshot's date."""
    return beginning_run(source, snapshot.date, snapshot.subject, key=f"snapshot:{snapshot.subject}")


def beginning_run(source: str, day: date, subject: str, *, key: str) -> WantedRun:
    """Returns the run that starts or adopts the export of `subject`, and ends without waiting for it."""
    return WantedRun(key=key, source=source, snapshot_date=day, trigger="begin", whole_source=False, subject=subject)


def repairing_run(source: str, repair: Repair) -> WantedRun:
    """Returns the run that publishes the published date again, after a killed or failed publication."""
    return WantedRun(
        key=repair.key,
        source=source,
        snapshot_date=repair.snapshot_date,
        trigger="repair",
        whole_source=False,
        subject=repair.because,
    )


def settling_run(source: str, task: ExportTask, day: date) -> WantedRun:
    """Returns the run that settles an ended export: of all stages if it is COMPLETE, otherwise of the one that reports AWS's cause.

    `task` may be all of a date's DynamoDB exports, summed up as one task.
    """
    return WantedRun(
        key=f"export:{task.identifier}:{task.status}",
        source=source,
        snapshot_date=day,
        trigger="settle",
        whole_source=task.status is ExportStatus.COMPLETE,
        subject=task.source_arn,
        export_task=task.identifier,
        ended_at=task.ended_at,
    )
