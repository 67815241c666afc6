"""Decides whether a table of a date can be made from an earlier date and the changes since then, and if not, why.

Changes are merged into the newest earlier date in the lake. If the chain of changes since that date is broken, a full export
is due, and the reason is recorded with the date.

| what breaks the chain | how it is seen |
|---|---|
| recovery was off for a while, or its window does not reach back that far | its earliest instant is after the chain's beginning |
| the table was deleted and created again | another TableId |
| the earlier date is replaced, damaged, incomplete, gone, or was scanned | its manifest, its files |
| it is less than 15 minutes ago | DynamoDB exports no window so short |
| it is more than seven days ago | a choice: a full export then is simpler than more than seven windows of 24 hours |

Windows are 15 minutes to 24 hours long:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html

Starting exports is `begin.py`; bringing changes to files is `converting/merge.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import FullExportDueError, ManifestError
from rds_lake.model.dynamodb.chain import Base, Chain, windows_between
from rds_lake.model.dynamodb.tables import DynamoTable, Recovery
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.stages.lake.handover import find_manifest, list_dates
from rds_lake.stages.lake.intact import missing_files

MOST_WINDOWS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """The source's dates in the lake that changes can be merged into. Manifests are cached: create a new object per stage."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    _manifests: dict[date, Manifest | None] = field(default_factory=dict, init=False, repr=False)

    def decide(
        self, day: date, moment: datetime, tables: Sequence[DynamoTable], recoveries: Mapping[str, Recovery]
    ) -> tuple[dict[str, Chain], dict[str, str]]:
        """Returns chains that begin at the newest earlier date, and why the other tables need a full export, both by table."""
        chains: dict[str, Chain] = {}
        full_because: dict[str, str] = {}
        dates = list_dates(self.s3, self.layout, self.source) if tables else ()
        newest = max((earlier for earlier in dates if earlier < day), default=None)
        for table in tables:
            try:
                if newest is None:
                    raise FullExportDueError("no earlier date is in the lake")
                chains[table.name] = self._chain(newest, moment, table, recoveries[table.name])
            except FullExportDueError as error:
                full_because[table.name] = str(error)
        return chains, full_because

    def base_table(self, base: Base, table: str) -> TableManifest:
        """Returns the table as of the earlier date; FullExportDueError if that was replaced, or files were deleted or changed."""
        manifest = self._manifest(base.day)
        if manifest.export.export_task != base.export_task:
            raise FullExportDueError(f"{base.day} was replaced: it is now the export {manifest.export.export_task}")
        earlier = next((known for known in manifest.tables if known.target.table == table), None)
        if earlier is None:
            raise FullExportDueError(f"it is not part of {base.day}")
        odd = [file.key for file in earlier.files if not file.key.endswith(".parquet")]
        if odd:
            raise FullExportDueError(f"{base.day} is not Parquet: {odd[0]}")
        gone = missing_files(self.s3, replace(manifest, tables=(earlier,)))
        if gone:
            raise FullExportDueError(f"files of {base.day} are missing or were changed: {', '.join(gone[:3])}")
        return earlier

    def is_made(self, day: date, arns: Sequence[str]) -> bool:
        """Whether the date has a table that was made from these exports: then its chain no longer needs the earlier date."""
        try:
            manifest = self._manifest(day)
        except FullExportDueError:
            return False
        return any(part.arns >= set(arns) for part in manifest.export.parts)

    def _chain(self, newest: date, moment: datetime, table: DynamoTable, recovery: Recovery) -> Chain:
        record = self._manifest(newest).export
        base = Base(day=newest, export_task=record.export_task, moment=record.snapshot_time, keys=table.keys)
        part = next((part for part in record.parts if part.table == table.name), None)
        if part is None:
            raise FullExportDueError(f"it is not part of {base.day}")
        if not part.table_id or not table.table_id:
            raise FullExportDueError(f"the manifest of {base.day} does not have its TableId")
        if part.table_id != table.table_id:
            raise FullExportDueError(f"it was deleted and created again since {base.day}")
        windows = windows_between(base.moment, moment)
        if not windows:
            raise FullExportDueError(
                f"{base.day} is as of {base.moment:%Y-%m-%d %H:%M} UTC, less than 15 minutes before: DynamoDB does not export "
                "changes of such a short time"
            )
        if len(windows) > MOST_WINDOWS:
            raise FullExportDueError(
                f"the newest date in the lake is {base.day}: {len(windows)} exports of changes, and more than "
                f"{MOST_WINDOWS} are not chained"
            )
        if recovery.earliest is None or recovery.earliest > base.moment:
            raise FullExportDueError(
                f"its point-in-time recovery reaches back to {recovery.earliest:%Y-%m-%d %H:%M:%S} UTC only, and "
                f"{base.day} is as of {base.moment:%Y-%m-%d %H:%M}: it was turned off in between, or its window ended"
            )
        self.base_table(base, table.name)
        return Chain(base=base, windows=windows, exports=(None,) * len(windows))

    def _manifest(self, day: date) -> Manifest:
        if day not in self._manifests:
            try:
                self._manifests[day] = find_manifest(self.s3, self.layout, self.source, day)
            except ManifestError as error:
                raise FullExportDueError(f"the manifest of {day} is damaged: {error}") from error
        manifest = self._manifests[day]
        if manifest is None:
            raise FullExportDueError(f"{day} is no longer in the lake")
        return manifest
