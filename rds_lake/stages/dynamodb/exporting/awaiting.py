"""The exports of a DynamoDB source's date, seen to their end by a run that may wait.

What belongs here: the waiting. Starting exports is `begin.py`.
"""

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
    """Start or adopt the exports and wait for their end; complete ones are returned, everything else raises."""
    deadline = waiting.clock() + waiting.timeout_seconds
    found = _begin_when_possible(exports, day, now, usable, waiting, deadline)
    last = ""
    while found.status.running:
        running = [export.table for export in found.started if export.status.running]
        ended = len(found.started) - len(running)
        line = f"{ended} of {len(found.wanted)} exports ended, as of {found.moment:%Y-%m-%d %H:%M} UTC"
        if line != last:
            waiting.log(line)
            last = line
        if waiting.clock() > deadline:
            raise ExportTimeoutError(
                f"the exports of {', '.join(running)} still run after {waiting.timeout_seconds / 3600:.1f} h. They go on in "
                "AWS: materialize the date again to adopt them, or raise `export_timeout_hours`"
            )
        waiting.sleep(waiting.poll_seconds)
        found = _look_again(exports, found, waiting)
    return complete_or_raise(found)


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


def _look_again(exports: DynamoExports, found: ExportSet, waiting: Waiting) -> ExportSet:
    """The exports as they are now; a throttled look is no reason to give up hours of waiting."""
    try:
        return exports.look(found.snapshot_date) or found
    except TransientError as error:
        waiting.log(f"AWS did not answer, asking again: {error}")
        return found
