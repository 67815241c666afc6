"""Wait for the exports of a date: for a run that a person started, which may hold a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from rds_lake.errors import ExportQuotaError, ExportTimeoutError, TransientError
from rds_lake.model.dynamodb.export_set import ExportSet
from rds_lake.stages.dynamodb.exporting.begin import Usable, begin_exports
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports, complete_or_raise
from rds_lake.stages.runs.waiting import Waiting


def await_exports(
    exports: DynamoExports, day: date, *, now: Callable[[], datetime], usable: Usable, waiting: Waiting
) -> ExportSet:
    """Begin the date's exports, wait for their end, and return them complete.

    Raises what `begin_exports` does (ExportQuotaError only after the time-out), ExportFailedError when one failed, and
    ExportTimeoutError when one still runs after the time-out.
    """
    deadline = waiting.clock() + waiting.timeout_seconds
    export_set = _begin_when_possible(exports, day, now, usable, waiting, deadline)
    last = ""
    while export_set.status.running:
        running = [export.table for export in export_set.started if export.status.running]
        ended = len(export_set.started) - len(running)
        line = f"{ended} of {len(export_set.wanted)} exports ended, as of {export_set.moment:%Y-%m-%d %H:%M} UTC"
        if line != last:
            waiting.log(line)
            last = line
        if waiting.clock() > deadline:
            raise ExportTimeoutError(
                f"the exports of {', '.join(running)} still run after {waiting.timeout_seconds / 3600:.1f} h. They continue "
                "in AWS: materialize the date again to adopt them, or raise `export_timeout_hours`"
            )
        waiting.sleep(waiting.poll_seconds)
        export_set = _look_again(exports, export_set, waiting)
    return complete_or_raise(export_set)


def _begin_when_possible(
    exports: DynamoExports, day: date, now: Callable[[], datetime], usable: Usable, waiting: Waiting, deadline: float
) -> ExportSet:
    while True:
        try:
            return begin_exports(exports, day, now=now(), usable=usable)
        except ExportQuotaError as error:
            if waiting.clock() > deadline:
                raise
            waiting.log(f"waiting: {error}")
            waiting.sleep(waiting.poll_seconds)


def _look_again(exports: DynamoExports, last: ExportSet, waiting: Waiting) -> ExportSet:
    """The exports as they are now, or as they were `last` when AWS does not answer: that must not end hours of waiting."""
    try:
        return exports.look(last.snapshot_date) or last
    except TransientError as error:
        waiting.log(f"AWS did not answer, asking again: {error}")
        return last
