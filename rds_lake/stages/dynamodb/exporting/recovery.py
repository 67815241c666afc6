"""Checks that tables can be exported as of an instant: point-in-time recovery is on, and its window covers it.

The window is at most 35 days long and ends some five minutes ago:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from rds_lake.errors import ExportQuotaError, ProblemsError, SnapshotNotFoundError
from rds_lake.model.dynamodb.tables import DynamoTable, Recovery
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports


def require_recovery(
    exports: DynamoExports, tables: Sequence[DynamoTable], *, day: date, moment: datetime
) -> dict[str, Recovery]:
    """Returns the tables' recovery, by name, if all can be exported as of the instant.

    Otherwise raises SnapshotNotFoundError, which lists every table that cannot, or ExportQuotaError (which is transient) if
    the instant is only too recent for DynamoDB.
    """
    recoveries = {table.name: exports.dynamo.recovery(table.name) for table in tables}
    problems = [problem for name, recovery in recoveries.items() if (problem := _problem(name, recovery, moment))]
    if problems:
        raise SnapshotNotFoundError(
            str(
                ProblemsError(
                    f"source {exports.plan.source} cannot be exported as of {moment:%Y-%m-%d %H:%M} UTC; nothing was started:",
                    problems,
                )
            )
        )
    behind = {name: known.latest for name, known in recoveries.items() if known.latest and known.latest < moment}
    if behind:
        reached = min(behind.values())
        raise ExportQuotaError(
            f"{', '.join(behind)} can be exported as of {reached:%Y-%m-%d %H:%M:%S} UTC at the latest so far (DynamoDB is some "
            f"minutes behind), and {day} is as of {moment:%H:%M}"
        )
    return recoveries


def _problem(name: str, recovery: Recovery, moment: datetime) -> str | None:
    if recovery.earliest is None:
        return (
            f"{name}: point-in-time recovery is off. Turn it on (`aws dynamodb update-continuous-backups --table-name {name} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`), or use `method: scan`"
        )
    if recovery.earliest > moment:
        return (
            f"{name}: its point-in-time recovery only reaches back to {recovery.earliest:%Y-%m-%d %H:%M:%S} UTC: it was "
            "turned on then, or the date is older than its window of at most 35 days"
        )
    return None
