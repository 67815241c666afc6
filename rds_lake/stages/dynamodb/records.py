"""Two records of a DynamoDB source: the finished tables of a date, and every type ever seen in a table.

    <prefix>/_manifests/reviews/2026-11-20.<export>.Users.table   a finished table: after a crash the next run keeps it
    <prefix>/_manifests/reviews/_schemas/Users.json               the types seen on all dates: none gets narrower

Several runs may write both at once. Of two attempts to convert a table, all runs use the one that finishes first, as long as
its files exist.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from rds_lake.aws.s3.gateway import MOST_LISTED, S3Gateway
from rds_lake.convert.rules.tree import Limits, from_plain, merge, to_plain
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.manifest_json import parse_manifest, render_manifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.model.records import RECORD_ERRORS, damaged, load_record
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.shared_state import change_text

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRecords:
    """The records of one source."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    kms_key: str | None

    def find_finished(self, record: ExportRecord, part: ExportPart) -> TableManifest | None:
        """Returns the table that an earlier run converted from the same export; None without one, or if its files were deleted."""
        key = self._finished_key(record, part)
        text = self.s3.find_text(self.layout.bucket, key, most=MOST_LISTED)
        return None if text is None else self._whole(text, key)

    def finish(self, record: ExportRecord, part: ExportPart, table: TableManifest) -> TableManifest:
        """Records the table as finished. Returns the attempt to use, which may be another run's."""
        key = self._finished_key(record, part)
        counts = table

        def change(text: str | None) -> str | None:
            nonlocal counts
            other = None if text is None else self._whole(text, key)
            counts = other or table
            if other is not None:
                return None
            own = replace(record, parts=(part,))
            return render_manifest(Manifest(export=own, lake_bucket=self.layout.bucket, tables=(table,))).decode()

        change_text(self.s3, self.layout.bucket, key, change, kms_key=self.kms_key, most=MOST_LISTED)
        return counts

    def finished_folders(self, day: date) -> set[str]:
        """The URIs of the folders of the date's finished tables. Raises ManifestError if a record is damaged."""
        start, end = self.layout.finished_tables_prefix(self.source, day)
        keys = [item.key for item in self.s3.list_objects(self.layout.bucket, start) if item.key.endswith(end)]
        texts = ((self.s3.get_text(self.layout.bucket, key, most=MOST_LISTED), key) for key in keys)
        return {self._parsed(text, key).tables[0].location for text, key in texts}

    def _parsed(self, text: str, key: str) -> Manifest:
        """Returns the record of one finished table, which is a manifest of this table alone."""
        manifest = parse_manifest(text, where=self.layout.uri(key))
        if len(manifest.tables) != 1:
            why = ValueError(f"{len(manifest.tables)} tables instead of one")
            raise damaged(self.layout.uri(key), why, "delete it and materialize `parquet` of the date again")
        return manifest

    def _whole(self, text: str, key: str) -> TableManifest | None:
        """Returns the table of the record, if all its files exist."""
        manifest = self._parsed(text, key)
        return None if missing_files(self.s3, manifest) else manifest.tables[0]

    def find_schema(self, table: str) -> dict[str, Any] | None:
        """Returns the types seen in the table, in the form of `tree.to_plain`; None before its first conversion.

        Raises ManifestError if the record is damaged.
        """
        key = self.layout.seen_schema_key(self.source, table)
        text = self.s3.find_text(self.layout.bucket, key)
        return None if text is None else self._parse_schema(text, key)

    def _parse_schema(self, text: str, key: str) -> dict[str, Any]:
        where = self.layout.uri(key)
        remedy = "delete it and materialize `parquet` again: types then follow from that date alone"
        body = load_record(text, where=where, known=(_SCHEMA_VERSION,), remedy=remedy)
        try:
            schema = dict(body["schema"])
            from_plain(schema)  # only here is it known which object is damaged
        except RECORD_ERRORS as error:
            raise damaged(where, error, remedy) from error
        return schema

    def add_schema(self, table: str, schema: dict[str, Any], limits: Limits) -> None:
        """Adds these types to the record, which keeps the types of all dates that are converted at the same time."""
        key = self.layout.seen_schema_key(self.source, table)

        def change(text: str | None) -> str:
            known = schema
            if text is not None:
                whole = from_plain(self._parse_schema(text, key))
                merge(whole, from_plain(schema), limits)
                known = to_plain(whole)
            return json.dumps({"version": _SCHEMA_VERSION, "schema": known}, separators=(",", ":"))

        change_text(self.s3, self.layout.bucket, key, change, kms_key=self.kms_key)

    def _finished_key(self, record: ExportRecord, part: ExportPart) -> str:
        return self.layout.finished_table_key(record.source, record.snapshot_date, record.export_task, part.table)
