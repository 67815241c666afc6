"""The inputs of a table's conversion, here or by AWS Glue: the lake, the source's settings, the types of earlier dates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.convert.local.table import ConvertOptions
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.stages.dynamodb.records import TableRecords


def new_attempt() -> str:
    """Returns a folder name that no other attempt to convert a table has."""
    return f"attempt-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionContext:
    """`keys` returns a table's key attributes; `attempt` returns the folder name of one attempt at one table."""

    s3: S3Gateway
    layout: LakeLayout
    source: DynamoDb
    kms_key: str | None
    keys: Callable[[str], Sequence[str]]
    log: Callable[[str], None]
    options: ConvertOptions = field(default_factory=ConvertOptions)
    attempt: Callable[[], str] = new_attempt

    @property
    def records(self) -> TableRecords:
        """The tables that are finished, and the types seen on every date."""
        return TableRecords(s3=self.s3, layout=self.layout, source=self.source.name, kms_key=self.kms_key)

    def options_of(self, table: str) -> ConvertOptions:
        """Returns how the table is converted: its keys, the source's format, and the types that it had on earlier dates."""
        return replace(
            self.options,
            keys=tuple(self.keys(table)),
            format=self.source.format,
            numbers=self.source.numbers,
            known=self.records.find_schema(table),
        )

    def new_folder(self, record: ExportRecord, part: ExportPart) -> str:
        """Returns the key prefix of a new attempt to convert the table, with a trailing slash. No other run writes there."""
        return self.layout.attempt_folder(
            record.source, part.table, record.snapshot_date, record.export_task, self.attempt()
        )
