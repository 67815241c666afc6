"""DynamoDB's tables and exports as values, and the names that rds-lake gives to exports.

    exports/reviews-2026-11-20/AWSDynamoDB/01763596800123-0a1b2c3d/manifest-files.json
    └ prefix └ source, date    └ DynamoDB's └ export id

DescribeExport has neither source nor date. The folder's name has both, so S3's event about a manifest shows them.

What belongs here: values and names. Manifests are parsed in `manifest.py`; the exports of a date are in `export_set.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.dynamodb.chain import Window
from rds_lake.model.exports.task import ExportStatus

EXPORT_FOLDER = "AWSDynamoDB"
MANIFESTS = ("manifest-files.json", "manifest-summary.json")
_SET_FOLDER = re.compile(r"([a-z][a-z0-9_]*)-(\d{4}-\d{2}-\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoTable:
    """A table as in DescribeTable. `read_capacity`: provisioned RCU per second, None for an on-demand table.

    `keys`: the key attributes, partition key first. `bytes` and `items` may be hours old, as DynamoDB counts them
    rarely.
    """

    arn: str
    name: str
    created_at: datetime
    bytes: int
    items: int
    keys: tuple[str, ...]
    read_capacity: float | None
    table_id: str = ""  # changes if the table is deleted and created again


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A table's point-in-time recovery: the range of instants that it can be exported as of, or None if it is off."""

    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExport:
    """One export of one table. `items` and `billed_bytes` are None until it is complete.

    A full export has an `export_time`; an incremental one has a `window`, and a `view` (the images in it).
    """

    arn: str
    table_arn: str
    status: ExportStatus
    export_time: datetime | None
    bucket: str
    prefix: str
    kind: Literal["FULL_EXPORT", "INCREMENTAL_EXPORT"] = "FULL_EXPORT"
    format: str = "DYNAMODB_JSON"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    manifest_key: str | None = None
    items: int | None = None
    billed_bytes: int | None = None
    failure: str | None = None
    table_id: str = ""
    window: Window | None = None
    view: str = ""

    @property
    def table(self) -> str:
        """The table's name."""
        return table_name(self.table_arn)

    @property
    def export_id(self) -> str:
        """The last part of the ARN, which is the name of the export's folder."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def folder(self) -> str:
        """The key prefix of the objects that only this export wrote, with a trailing slash."""
        return "/".join(part for part in (self.prefix.strip("/"), EXPORT_FOLDER, self.export_id) if part) + "/"


def table_name(table_arn: str) -> str:
    """Returns `Reviews` for `arn:aws:dynamodb:eu-west-1:111122223333:table/Reviews[/export/…]`."""
    return parse_arn(table_arn).resource.split("/")[1]


def started_after(export_arn: str, moment: datetime) -> bool:
    """Whether an export may have started after the moment, by its id, which begins with its start in milliseconds.

    True also for ids of another form: then only DescribeExport knows the time.
    """
    digits = export_arn.rsplit("/", 1)[-1].split("-")[0]
    return not re.fullmatch(r"[0-9]{13,15}", digits, re.ASCII) or int(digits) >= moment.timestamp() * 1000 - 60_000


def set_prefix(prefix: str, source: str, day: date) -> str:
    """Returns the S3Prefix of the date's exports, without slashes at its ends."""
    return "/".join(part for part in (prefix, f"{source}-{day.isoformat()}") if part)


def source_and_date(folder: str) -> tuple[str, date] | None:
    """Returns source and date of a folder's name such as `reviews-2026-11-20`; None for any other text."""
    match = _SET_FOLDER.fullmatch(folder)
    try:
        return (match[1], date.fromisoformat(match[2])) if match else None
    except ValueError:
        return None


def client_token(
    *, table_arn: str, moment: datetime, bucket: str, prefix: str, attempt: int, since: datetime | None = None
) -> str:
    """Returns the same token for the same export of the same table: DynamoDB then starts it only once in 8 hours.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
    """
    window = [since.astimezone(UTC).isoformat()] if since else []
    text = json.dumps([table_arn, moment.astimezone(UTC).isoformat(), bucket, prefix, attempt, *window])
    return hashlib.sha256(text.encode()).hexdigest()[:36]
