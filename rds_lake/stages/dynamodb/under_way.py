"""Lists work of AWS in progress for a DynamoDB source: exports of its tables, and Glue jobs that convert them.

`rds-lake status` shows it (`console/status.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from rds_lake.stages.dynamodb.converting.glue.watch import GlueWatch
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.lake.handover import dates_of_records

# The number of newest dates to examine. Exports take hours at most: an older unfinished date has failed.
_DATES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUnderWay:
    """One table of a date. `since` and `name` (the export's ARN, or the Glue run's id) are None while it waits for a place.

    Neither DynamoDB nor Glue reports a percentage.
    """

    table: str
    snapshot_date: date
    what: Literal["export", "conversion"]
    since: datetime | None = None
    name: str | None = None


def tables_under_way(exports: DynamoExports, conversions: GlueWatch) -> Sequence[TableUnderWay]:
    """Returns the source's tables in progress, by date, then conversions before exports, then by table."""
    tables = [*_exports(exports), *_conversions(exports.plan.source, conversions)]
    return sorted(tables, key=lambda table: (table.snapshot_date, table.what, table.table))


def _exports(exports: DynamoExports) -> Iterator[TableUnderWay]:
    """Exports of the newest dates that were begun and are not in the lake. A table exported by its changes has several."""
    source = exports.plan.source
    dates = dates_of_records(exports.s3, exports.layout, source)
    for day in [day for day in dates.begun if day not in dates.converted][-_DATES:]:
        export_set = exports.look(day)
        for table, export in export_set.wanted if export_set else ():
            if export is None or export.status.running:
                yield TableUnderWay(
                    table=table,
                    snapshot_date=day,
                    what="export",
                    since=export.started_at if export else None,
                    name=export.arn if export else None,
                )


def _conversions(source: str, conversions: GlueWatch) -> Iterator[TableUnderWay]:
    for date_conversions in conversions.dates(source):
        day = date_conversions.job_set.snapshot_date
        for table, run in date_conversions.running.items():
            yield TableUnderWay(table=table, snapshot_date=day, what="conversion", since=run.started_at, name=run.id)
        for table in date_conversions.waiting:
            yield TableUnderWay(table=table, snapshot_date=day, what="conversion")
