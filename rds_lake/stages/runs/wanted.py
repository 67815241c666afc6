"""What sensors ask Dagster for: runs of assets, and incidents.

What belongs here: these values and their keys. Who wants them: `watch/events.py` and `databases/reconcile.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.stages.lake.pointer import Repair

# begin: start or adopt the export and end. settle: take over an ended export. scan: read tables, all in one run. convert:
# read what runs of Glue have made, and all that comes after. repair: publish the published date again, from `catalog` on.
Trigger = Literal["begin", "settle", "scan", "convert", "repair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """One run of a source's assets. `key` is the same for a redelivered event, so that it runs once (traps T9).

    `subject`: what is exported (`Snapshot.subject`), the label by which later ticks find the run. `ended_at`: when what
    the run takes over ended, where AWS says so.
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
    """Something a person has to look at and no run of an asset tells. `key` is the same as long as it is the same."""

    key: str
    source: str
    what: str
    cause: str
    next_step: str


def starting_run(source: str, snapshot: Snapshot) -> WantedRun:
    """The run that starts or adopts the export of the snapshot's date."""
    return beginning_run(source, snapshot.date, snapshot.subject, key=f"snapshot:{snapshot.subject}")


def beginning_run(source: str, day: date, subject: str, *, key: str) -> WantedRun:
    """The run that starts or adopts what is exported as `subject`, and ends."""
    return WantedRun(key=key, source=source, snapshot_date=day, trigger="begin", whole_source=False, subject=subject)


def repairing_run(source: str, repair: Repair) -> WantedRun:
    """The run that publishes the published date again, after a publication that did not come to its end."""
    return WantedRun(
        key=repair.key,
        source=source,
        snapshot_date=repair.snapshot_date,
        trigger="repair",
        whole_source=False,
        subject=repair.because,
    )


def settling_run(source: str, task: ExportTask, day: date) -> WantedRun:
    """The run that takes an ended export over: the whole source when it is COMPLETE, else the stage that says why not.

    A date's exports of DynamoDB are one task as well.
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
