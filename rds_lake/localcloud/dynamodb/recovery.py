"""Point-in-time recovery: switched on and off per table, and the window of times it reaches back to.

What belongs here: UpdateContinuousBackups, DescribeContinuousBackups and the window. Exports are `export.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.dynamodb.tables import TARGET, TableRecord, Tables
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock

SECOND = 1_000_000
_DAY = 86_400 * SECOND
_LATEST = 300 * SECOND
_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
Json = dict[str, Any]


def refusal(code: str, message: str) -> ApiError:
    """Returns an error with DynamoDB's namespace; errors that all services share have another namespace."""
    common = code in ("ValidationException", "AccessDeniedException")
    return ApiError(f"com.amazon.coral.validate#{code}" if common else _NAMESPACE + code, message)


class Recovery:
    """The two operations, and what exports need to know about a table."""

    def __init__(self, app: LocalCloudApp, clock: Clock, tables: Tables) -> None:
        self._clock = clock
        self._tables = tables
        app.json_operations[TARGET + "UpdateContinuousBackups"] = self._update
        app.json_operations[TARGET + "DescribeContinuousBackups"] = self._describe

    def earliest(self, table: TableRecord) -> int:
        """Returns the earliest recoverable time, in whole seconds as in AWS; only while recovery is on."""
        if table.recovery_since is None:
            raise refusal(
                "PointInTimeRecoveryUnavailableException",
                f"Point in time recovery is not enabled for table '{table.name}'",
            )
        first = max(table.recovery_since, self._clock.now() - table.recovery_days * _DAY)
        return first - first % SECOND

    def _update(self, context: RequestContext, params: Json) -> Json:
        wanted = params["PointInTimeRecoverySpecification"]
        table, days = self._table(context, params), wanted.get("RecoveryPeriodInDays")
        if days is not None and not (wanted["PointInTimeRecoveryEnabled"] and 1 <= days <= 35):
            raise refusal("ValidationException", f"RecoveryPeriodInDays {days} must be between 1 and 35 while enabled.")
        if not wanted["PointInTimeRecoveryEnabled"]:
            # Every version kept until now is lost, also when recovery is switched on again.
            table.recovery_since = None
        elif table.recovery_since is None:
            table.recovery_since, table.recovery_days = self._clock.stamp(), days or 35
        elif days is not None:
            table.recovery_days = days
        return self._shown(table)

    def _describe(self, context: RequestContext, params: Json) -> Json:
        return self._shown(self._table(context, params))

    def _table(self, context: RequestContext, params: Json) -> TableRecord:
        table = self._tables.find(context.region, params["TableName"])
        if table is None:
            raise refusal("TableNotFoundException", f"Table not found: {params['TableName']}")
        return table

    def _shown(self, table: TableRecord) -> Json:
        shown: Json = {"PointInTimeRecoveryStatus": "DISABLED"}
        if table.recovery_since is not None:
            earliest = self.earliest(table)
            shown = {
                "PointInTimeRecoveryStatus": "ENABLED",
                "RecoveryPeriodInDays": table.recovery_days,
                "EarliestRestorableDateTime": earliest / SECOND,
                "LatestRestorableDateTime": max(earliest, self._clock.now() - _LATEST) // SECOND,
            }
        description = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": shown}
        return {"ContinuousBackupsDescription": description}
