"""What AWS does for a DynamoDB source just now: exports of its tables, and runs of Glue that convert them.

What belongs here: looking. Showing it is `console/status.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from rds_lake.stages.dynamodb.converting.glue.watch import GlueWatch
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.lake.handover import dates_of_records

# Exports take hours at most; what was begun and never finished is a failure of long ago.
_DATES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUnderWay:
    """One table of a date. `since` and `name` (the export's ARN, or the run's id) are None while it waits for a place.

    How far it is, neither DynamoDB nor Glue says.
    """

    table: str
    snapshot_date: date
    what: Literal["export", "conversion"]
    since: datetime | None = None
    name: str | None = None


def tables_under_way(exports: DynamoExports, conversions: GlueWatch) -> Sequence[TableUnderWay]:
    """By date, then by table."""
    found = [*_exports(exports), *_conversions(exports.plan.source, conversions)]
    return sorted(found, key=lambda one: (one.snapshot_date, one.what, one.table))


def _exports(exports: DynamoExports) -> Iterator[TableUnderWay]:
    """Of the newest dates that were begun and are not in the lake; of a table by changes, each window's export."""
    source = exports.plan.source
    dates = dates_of_records(exports.s3, exports.layout, source)
    for day in [day for day in dates.begun if day not in dates.converted][-_DATES:]:
        found = exports.look(day)
        for table, export in found.wanted if found else ():
            if export is None or export.status.running:
                yield TableUnderWay(
                    table=table,
                    snapshot_date=day,
                    what="export",
                    since=export.started_at if export else None,
                    name=export.arn if export else None,
                )


def _conversions(source: str, conversions: GlueWatch) -> Iterator[TableUnderWay]:
    for found in conversions.dates(source):
        day = found.job_set.snapshot_date
        for table, run in found.running.items():
            yield TableUnderWay(table=table, snapshot_date=day, what="conversion", since=run.started_at, name=run.id)
        for table in found.waiting:
            yield TableUnderWay(table=table, snapshot_date=day, what="conversion")
