"""The manifest: the hand-over between stages and the commit mark of relocation.

    <prefix>/_manifests/<source>/2026-11-20.json          the manifest, written last, in one PUT
    <prefix>/_manifests/<source>/2026-11-20.export.json   the export record it was made from

Example, shortened:

    {"version": 1, "source": "shop", "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", …
     "tables": [{"database": "shop", "schema": "public", "table": "Order Details",
                 "location": "s3://acme-lake/lake/shop/shop/public.Order_Details/snapshot_date=2026-11-20/shop-…-1/",
                 "columns": [{"name": "id", "hive_type": "bigint", "original_type": "bigint"}, …],
                 "files": [{"key": "lake/…/1-part-00000-….gz.parquet", "bytes": 812, "rows": 3}]}]}

With `parquet: in_place` nothing was copied: `location` and `files` are AWS's own, in the export's bucket. The version is then 2,
so that an older release cannot take them for copies and delete them.

What belongs here: the values. Their JSON is in `manifest_json.py`; `stages/lake/handover.py` writes and reads it in S3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from rds_lake.model.lake.data_files import DataFile, DataFiles
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import Column, TableTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class TableManifest:
    """One table of a snapshot date. A table without files is legal: it is empty.

    `location`: where the date's files are. `home`: the table's own folder in the lake (a URI with a trailing slash), if
    it does not follow from `location`.
    """

    target: TableTarget
    location: str
    columns: tuple[Column, ...]
    files: Sequence[DataFile] = ()
    schema_notes: tuple[str, ...] = ()
    home: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", DataFiles.of(self.files))

    @property
    def own_folder(self) -> str:
        """The URI, with trailing slash, of the table's own folder in the lake, for all dates."""
        return self.home or self.location.split("/snapshot_date=", 1)[0] + "/"

    @property
    def rows(self) -> int:
        return DataFiles.of(self.files).rows

    @property
    def bytes(self) -> int:
        return DataFiles.of(self.files).bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCopy:
    """The files of one export task. `folder`: their key prefix, with a trailing slash."""

    bucket: str
    folder: str
    export_task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that later stages need to know about one source and snapshot date.

    `in_place`: the files are AWS's own. `superseded`: earlier exports of the date that were read in place. `earlier`:
    earlier export tasks of the date whose relocated files this one replaces.
    """

    export: ExportRecord
    lake_bucket: str
    tables: tuple[TableManifest, ...] = field(default=())
    in_place: bool = False
    superseded: tuple[AwsCopy, ...] = ()
    earlier: tuple[str, ...] = ()

    @property
    def data_bucket(self) -> str:
        """The bucket of the files."""
        return self.export.bucket if self.in_place else self.lake_bucket

    @property
    def aws_copy(self) -> AwsCopy:
        """The files that the export wrote, whether they still exist or not."""
        return AwsCopy(bucket=self.export.bucket, folder=self.export.folder, export_task=self.export.export_task)

    @property
    def aws_copies(self) -> tuple[AwsCopy, ...]:
        """The files that the exports wrote, by folder: one per table if each table has its own export."""
        exports = [export for part in self.export.parts for export in (part, *part.steps)]
        parts = {export.folder: export.export_arn.rpartition("/")[2] for export in exports}
        if not parts:
            return (self.aws_copy,)
        # The last part of the ARN of a table's export is also the name of its folder.
        return tuple(
            AwsCopy(bucket=self.export.bucket, folder=folder, export_task=name) for folder, name in parts.items()
        )

    def superseded_by(self, export_task: str) -> tuple[AwsCopy, ...]:
        """Returns the exports that are no longer read in place once the manifest of `export_task` is written."""
        current = (self.aws_copy,) if self.in_place else ()
        return tuple(copy for copy in (*self.superseded, *current) if copy.export_task != export_task)

    def in_place_of(self, other: Manifest) -> Manifest:
        """Returns this manifest with what becomes superfluous when it replaces the other."""
        own = self.export.export_task
        moved = () if other.in_place or other.export.export_task == own else (other.export.export_task,)
        earlier = dict.fromkeys((*self.earlier, *other.earlier, *moved))
        superseded = dict.fromkeys((*self.superseded, *other.superseded_by(own)))
        return replace(self, earlier=tuple(task for task in earlier if task != own), superseded=tuple(superseded))

    @property
    def source(self) -> str:
        return self.export.source

    @property
    def snapshot_date(self) -> date:
        return self.export.snapshot_date

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        return sum(table.bytes for table in self.tables)

    @property
    def files(self) -> int:
        return sum(len(table.files) for table in self.tables)
