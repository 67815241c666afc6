"""Waits for the exports of a date, in a run that a person started: only such a run may occupy a worker for hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from rds_lake.model.dynamodb.export_set import ExportSet
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.exporting.begin import Usable, begin_exports
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports, complete_or_raise
from rds_lake.stages.runs.waiting import Waiting


def await_exports(
    exports: DynamoExports, day: date, *, now: Callable[[], datetime], usable: Usable, waiting: Waiting
) -> ExportSet:
    """Begins the date's exports, waits until they are complete, and returns them.

    Raises the errors of `begin_exports` (ExportQuotaError only after the time-out), ExportFailedError if one failed, and
    ExportTimeoutError if one still runs after the time-out.
    """
    export_set = waiting.until_ended(
        lambda: begin_exports(exports, day, now=now(), usable=usable),
        lambda last: exports.look(last.snapshot_date),
        refused="waiting",
        line=_progress,
        overdue=lambda last, hours: (
            f"the exports of {', '.join(_running(last))} still run after {hours:.1f} h. They continue in AWS: materialize the "
            "date again to adopt them, or raise `export_timeout_hours`"
        ),
    )
    return complete_or_raise(export_set)


def _running(export_set: ExportSet) -> list[str]:
    return [export.table for export in export_set.started if export.status.running]


def _progress(export_set: ExportSet) -> str:
    ended = len(export_set.started) - len(_running(export_set))
    return f"{ended} of {counted(len(export_set.wanted), 'export')} ended, as of {export_set.moment:%Y-%m-%d %H:%M} UTC"
