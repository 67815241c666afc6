"""A date's exports of a DynamoDB source: those that were begun, and their state.

The date's exports are recorded (`model/dynamodb/export_set.py`), so that reading their state costs one call per running
export. Beginning exports is `begin.py`, waiting for them `awaiting.py`, what they contain `inspect.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date

from rds_lake.aws.denied import advice_in
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import (
    ExportFailedError,
    ExportTimeoutError,
    ProblemsError,
    SnapshotNotFoundError,
    UnavailableError,
)
from rds_lake.model.dynamodb.export_set import (
    BegunSet,
    ChainExports,
    ExportSet,
    failure_text,
    merge_begun,
    parse_begun,
    render_begun,
)
from rds_lake.model.dynamodb.tables import DynamoTable, TableExport
from rds_lake.model.exports.task import ExportStatus
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.dynamodb.plan import DynamoPlan
from rds_lake.stages.lake.shared_state import change_text


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoExports:
    """The exports of one source's dates. `ended`: exports that have ended, by ARN; they no longer change.

    `is_late`: whether the caller's time is over. A look at a date is one call for each running export.
    """

    dynamo: DynamoGateway
    s3: S3Gateway
    layout: LakeLayout
    plan: DynamoPlan
    log: Callable[[str], None]
    ended: dict[str, TableExport] = field(default_factory=dict, repr=False)
    is_late: Callable[[], bool] = lambda: False

    def look(self, day: date) -> ExportSet | None:
        """Returns the current state of the date's exports; None if none was begun.

        Raises UnavailableError once `is_late`; a later look continues after the exports that had ended.
        """
        begun = self.find_begun(day)
        if begun is None:
            return None
        exports = {name: self.find(arn) for name, arn in begun.tables.items()}
        chains = {
            name: ChainExports(
                base=chain.base,
                windows=chain.windows,
                exports=tuple(map(self.find, chain.exports)),
            )
            for name, chain in begun.chains.items()
        }
        return ExportSet(
            source=self.plan.source,
            snapshot_date=day,
            moment=begun.moment,
            exports=exports,
            chains=chains,
            full_because=begun.full_because,
        )

    def settle(self, day: date) -> ExportSet:
        """Returns the date's ended exports, without waiting.

        Raises ExportTimeoutError while one runs, ExportFailedError if one failed or none was begun.
        """
        export_set = self.look(day)
        if export_set is None:
            raise ExportFailedError(f"no export of {self.plan.source} {day} was begun; materialize `snapshot_export`")
        if export_set.status.running:
            running = [export.table for export in export_set.started if export.status.running]
            raise ExportTimeoutError(
                f"exports of {', '.join([*export_set.missing, *running])} have not ended yet; the reconciliation sensor "
                "starts the next run"
            )
        return complete_or_raise(export_set)

    def find(self, arn: str | None) -> TableExport | None:
        """Returns the current state of the export; None without an ARN (not started), or if DynamoDB does not know it."""
        if arn is None:
            return None
        if arn in self.ended:
            return self.ended[arn]
        if self.is_late():
            raise UnavailableError(f"the exports of {self.plan.source} could not all be looked at in this tick")
        export = self.dynamo.find_export(arn)
        if export is not None and not export.status.running:
            self.ended[arn] = export
        return export

    def present_tables(self, *, skip: Collection[str] = ()) -> dict[str, DynamoTable]:
        """Returns the current state of the source's tables, by name, without those to `skip`.

        SnapshotNotFoundError lists tables that lake.yaml names and that do not exist.
        """
        listed = self.dynamo.list_tables() if self.plan.has_patterns else []
        names = [name for name in self.plan.matching([*listed, *self.plan.named]) if name not in skip]
        tables = {name: self.dynamo.find_table(name) for name in names}
        missing = [name for name, table in tables.items() if table is None and name in self.plan.named]
        if missing:
            problems = [
                f"{name}: correct its name in lake.yaml, or remove it if the table was deleted" for name in missing
            ]
            headline = f"these tables of source {self.plan.source} do not exist in this account and Region:"
            raise SnapshotNotFoundError(str(ProblemsError(headline, problems)))
        return {name: table for name, table in tables.items() if table is not None}

    def find_begun(self, day: date) -> BegunSet | None:
        """Returns the exports that were begun for the date; None if none were. ManifestError if the record is damaged."""
        key = self.layout.begun_set_key(self.plan.source, day)
        text = self.s3.find_text(self.layout.bucket, key)
        return None if text is None else parse_begun(text, where=self.layout.uri(key))

    def record_begun(self, day: date, begun: BegunSet, *, read: BegunSet | None) -> BegunSet:
        """Records the date's exports. Returns the record, merged with additions of other runs since it was `read`."""
        key = self.layout.begun_set_key(self.plan.source, day)
        whole = begun

        def change(text: str | None) -> str:
            nonlocal whole
            recorded = None if text is None else parse_begun(text, where=self.layout.uri(key))
            whole = begun if recorded is None else merge_begun(begun, recorded, read=read)
            return render_begun(whole)

        change_text(self.s3, self.layout.bucket, key, change, kms_key=self.plan.kms_key)
        return whole


def complete_or_raise(export_set: ExportSet) -> ExportSet:
    """Returns the exports if all are complete; otherwise raises ExportFailedError with DynamoDB's message."""
    if export_set.status is ExportStatus.COMPLETE:
        return export_set
    failed = failure_text(export_set.failed)
    raise ExportFailedError(
        f"exports of {export_set.source} {export_set.snapshot_date} failed: {failed}{advice_in(failed)}. Remove the cause, then "
        "materialize the date again: only these tables are exported again, as of the same instant. No view was moved"
    )
