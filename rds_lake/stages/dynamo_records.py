"""What is remembered of a DynamoDB source's tables: the files of those a date has finished, and every type ever seen.

    <prefix>/_manifests/reviews/2026-11-20.<export>.Users.table   a table that a run finished, for the run that goes on
    <prefix>/_manifests/reviews/_schemas/Users.json               all that conversions of the table saw: no type gets narrower

What belongs here: these two kinds of objects in S3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.aws.s3 import MOST_LISTED, S3Gateway
from rds_lake.convert.tree import Limits, from_plain, merge, to_plain
from rds_lake.model.export import ExportPart, ExportRecord
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest, TableManifest
from rds_lake.model.manifest_json import parse_manifest, render_manifest
from rds_lake.model.records import RECORD_ERRORS, damaged, load_record

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRecords:
    """The records of one source."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    kms_key: str | None

    def find_finished(self, record: ExportRecord, part: ExportPart) -> TableManifest | None:
        """The table as a run left it that converted it from the same export."""
        key = self._finished_key(record, part)
        text = self.s3.find_text(self.layout.bucket, key, most=MOST_LISTED)
        if text is None:
            return None
        tables = parse_manifest(text, where=self.layout.uri(key)).tables
        if len(tables) != 1:
            why = ValueError(f"{len(tables)} tables instead of one")
            raise damaged(self.layout.uri(key), why, "delete it and materialize `parquet` of the date again")
        return tables[0]

    def write_finished(self, record: ExportRecord, part: ExportPart, table: TableManifest) -> None:
        """Remember that the table needs no conversion any more."""
        own = replace(record, parts=(part,))
        body = render_manifest(Manifest(export=own, lake_bucket=self.layout.bucket, tables=(table,)))
        self.s3.put_bytes(self.layout.bucket, self._finished_key(record, part), body, kms_key=self.kms_key)

    def find_schema(self, table: str) -> dict[str, Any] | None:
        """What was seen of the table, as `tree.to_plain` gives it. Raises ManifestError if that is damaged."""
        key = self.layout.seen_schema_key(self.source, table)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            return None
        where = self.layout.uri(key)
        remedy = "delete it and materialize `parquet` again: types then follow from that date alone"
        body = load_record(text, where=where, known=(_SCHEMA_VERSION,), remedy=remedy)
        try:
            schema = dict(body["schema"])
            from_plain(schema)  # here, where it can still be said what is damaged
        except RECORD_ERRORS as error:
            raise damaged(where, error, remedy) from error
        return schema

    def add_schema(self, table: str, schema: dict[str, Any], limits: Limits) -> None:
        """Remember this as well: another date may have been converted since this one read what is known."""
        if (stored := self.find_schema(table)) is not None:
            whole = from_plain(stored)
            merge(whole, from_plain(schema), limits)
            schema = to_plain(whole)
        text = json.dumps({"version": _SCHEMA_VERSION, "schema": schema}, separators=(",", ":"))
        self.s3.put_text(
            self.layout.bucket, self.layout.seen_schema_key(self.source, table), text, kms_key=self.kms_key
        )

    def _finished_key(self, record: ExportRecord, part: ExportPart) -> str:
        return self.layout.finished_table_key(record.source, record.snapshot_date, record.export_task, part.table)
