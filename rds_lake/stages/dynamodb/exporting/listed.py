"""Finds a table's existing exports, of any origin, that a date could use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.aws.dynamodb import OLD_AND_NEW
from rds_lake.model.dynamodb.chain import Window
from rds_lake.model.dynamodb.tables import DynamoTable, TableExport, source_and_date, started_after
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports

_FORMAT = "DYNAMODB_JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExports:
    """The exports to the source's bucket as DYNAMODB_JSON, started since `moment`; oldest first.

    `prefix` is the date's own folder of exports.
    """

    table: DynamoTable
    moment: datetime
    prefix: str
    exports: tuple[TableExport, ...]

    def full(self) -> list[TableExport]:
        """Full exports as of the date's instant."""
        full = [export for export in self.exports if export.kind == "FULL_EXPORT"]
        return [export for export in full if export.export_time and _same(export.export_time, self.moment)]

    def of_window(self, window: Window) -> list[TableExport]:
        """Returns exports of the window's changes, except those in another date's folder, which is deleted with that date."""
        return [
            export
            for export in self.exports
            if export.window is not None
            and _same(export.window.start, window.start)
            and _same(export.window.end, window.end)
            and (export.view, export.table_id) == (OLD_AND_NEW, self.table.table_id)
            and (export.prefix == self.prefix or source_and_date(export.prefix.rpartition("/")[2]) is None)
        ]

    def next_attempt(self, exports: Sequence[TableExport]) -> int:
        """Returns the number of the next attempt, after those of `exports` that were started for this date. Counts from 1."""
        return 1 + sum(export.prefix == self.prefix for export in exports)


def list_exports(exports: DynamoExports, table: DynamoTable, *, day: date, moment: datetime) -> ListedExports:
    """Lists the table's exports. Exports of the same instant in another format are logged."""
    listed = exports.dynamo.list_export_arns(table.arn)
    arns = sorted(arn for arn in listed if started_after(arn, moment))
    known = [export for arn in arns if (export := exports.find(arn)) is not None]
    for export in known:
        if export.format != _FORMAT and export.export_time and _same(export.export_time, moment):
            exports.log(
                f"{table.name}: the export {export.arn} of the same instant is in {export.format}, which rds-lake cannot read "
                "(docs/dynamodb.md says why); another export as DYNAMODB_JSON is started, for which DynamoDB charges again"
            )
    usable = tuple(export for export in known if export.bucket == exports.plan.bucket and export.format == _FORMAT)
    return ListedExports(table=table, moment=moment, prefix=exports.plan.set_prefix(day), exports=usable)


def _same(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) < 1
