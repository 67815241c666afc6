"""Parses the manifests that DynamoDB writes beside an export.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html

    manifest-summary.json   one object: which export, of which instant, how many items, where the list of files is
    manifest-files.json     a JSON object per line: key, items and MD5 of one data file

Real manifests name keys with the export's prefix, the documentation's samples without it: both are accepted. All incremental
exports with the same prefix write to one folder, so only the manifest shows which files belong to an export.

What belongs here: parsing the two texts. `stages/dynamodb/exporting/inspect.py` reads and checks them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rds_lake.errors import MalformedExportError
from rds_lake.model.dynamodb.tables import EXPORT_FOLDER

VERSIONS = ("2020-06-30", "2023-08-01")
_MD5_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSummary:
    """`manifest-summary.json`. A full export has `export_time`, an incremental one a window (start inclusive)."""

    version: str
    export_arn: str
    table_arn: str
    bucket: str
    prefix: str
    files_key: str
    items: int
    billed_bytes: int
    format: str
    export_time: datetime | None
    window: tuple[datetime, datetime] | None
    view: str = ""

    @property
    def incremental(self) -> bool:
        return self.window is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """One data file: its key with prefix, its items, and the MD5 (base64) of its compressed bytes."""

    key: str
    items: int
    md5: str


def parse_summary(text: str, *, where: str) -> ManifestSummary:
    """Returns the summary. Raises MalformedExportError, which names what is missing or wrong."""
    body = _object(text, where)
    prefix = _text(body, "s3Prefix", where, default="").strip("/")
    version = _text(body, "version", where)
    if version not in VERSIONS:
        raise MalformedExportError(f"{where} has version {version!r}; this release reads {' and '.join(VERSIONS)}")
    incremental = body.get("exportType") == "INCREMENTAL_EXPORT" or "exportFromTime" in body
    return ManifestSummary(
        version=version,
        export_arn=_text(body, "exportArn", where),
        table_arn=_text(body, "tableArn", where),
        bucket=_text(body, "s3Bucket", where),
        prefix=prefix,
        files_key=with_prefix(_text(body, "manifestFilesS3Key", where), prefix, where=where),
        items=_count(body, "itemCount", where),
        billed_bytes=_count(body, "billedSizeBytes", where),
        format=_text(body, "outputFormat", where),
        export_time=None if incremental else _time(body, "exportTime", where),
        window=(_time(body, "exportFromTime", where), _time(body, "exportToTime", where)) if incremental else None,
        view=_text(body, "outputView", where) if incremental else "",
    )


def parse_files(text: str, *, prefix: str, where: str) -> tuple[ManifestFile, ...]:
    """Returns the data files. Raises MalformedExportError with every invalid line, and every file that is listed twice."""
    files: list[ManifestFile] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                files.append(_file(line, prefix, f"line {number}"))
            except MalformedExportError as error:
                problems.append(str(error))
    times = Counter(file.key for file in files)
    problems += [f"{key} is listed twice" for key in sorted(key for key, count in times.items() if count > 1)]
    if problems:
        raise MalformedExportError(f"{where} cannot be read:", problems)
    return tuple(files)


def _file(line: str, prefix: str, where: str) -> ManifestFile:
    body = _object(line, where)
    md5 = _text(body, "md5Checksum", where)
    try:
        if len(base64.b64decode(md5, validate=True)) != _MD5_BYTES:
            raise ValueError
    except (ValueError, binascii.Error) as error:
        raise MalformedExportError(f"{where}: md5Checksum {md5!r} is not an MD5 in base64") from error
    return ManifestFile(
        key=with_prefix(_text(body, "dataFileS3Key", where), prefix, where=where),
        items=_count(body, "itemCount", where),
        md5=md5,
    )


def with_prefix(key: str, prefix: str, *, where: str) -> str:
    """Returns the key with the prefix, which it may have already. Raises MalformedExportError if it is not a key of an export."""
    start = key.rfind(f"{EXPORT_FOLDER}/")
    if start < 0:
        raise MalformedExportError(f"{where}: the key {key!r} is not under {EXPORT_FOLDER}/")
    return "/".join(part for part in (prefix, key[start:]) if part)


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedExportError(f"{where} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise MalformedExportError(f"{where} is not a JSON object")
    return body


def _text(body: dict[str, Any], key: str, where: str, *, default: str | None = None) -> str:
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None):
        raise MalformedExportError(f"{where}: {key} is {value!r}, not a text")
    return value


def _count(body: dict[str, Any], key: str, where: str) -> int:
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedExportError(f"{where}: {key} is {value!r}, not a count")
    return value


def _time(body: dict[str, Any], key: str, where: str) -> datetime:
    text = _text(body, key, where)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedExportError(f"{where}: {key} is {text!r}, not a time") from error
    if moment.tzinfo is None:
        raise MalformedExportError(f"{where}: {key} {text!r} has no zone")
    return moment
