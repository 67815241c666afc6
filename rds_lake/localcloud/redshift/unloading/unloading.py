"""Executes an UNLOAD: writes files below a prefix, and then the manifest.

A failure in the middle leaves the files that were written, as in AWS. What belongs here: names of files and the manifest.
(https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.engine.values import csv_text
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.objects import Stores, refused
from rds_lake.localcloud.redshift.sql.types import VARBYTE
from rds_lake.localcloud.redshift.unloading.formats import File, Row, Sink, sink
from rds_lake.localcloud.redshift.unloading.options import Unload

_SLICES = 2
_NULL = "__HIVE_DEFAULT_PARTITION__"
_SUFFIXES = {"GZIP": ".gz", "BZIP2": ".bz2", "ZSTD": ".zst", "": ""}
_NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target "
    "files in S3, or using the ALLOWOVERWRITE option."
)
# Folder of the partition (empty for none) and slice.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an UNLOAD wrote: rows without headers, files without the manifest, and their bytes."""

    rows: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    key: str
    body: bytes
    count: int


def write(unload: Unload, columns: Sequence[Column], rows: Iterable[Row], stores: Stores) -> Written:
    """Write the rows; returns what was written."""
    if not unload.partition and unload.format in ("PARQUET", "JSON"):
        _refuse_doubles(columns)
    if unload.format in ("PARQUET", "JSON") and any(column.kind.word in (VARBYTE, "super") for column in columns):
        raise not_here(f"UNLOAD of VARBYTE or SUPER as {unload.format} is not supported")
    s3 = stores(unload.role, "s3", unload.region)
    bucket, _, prefix = unload.target.removeprefix("s3://").partition("/")
    files = _Files(unload, columns, prefix)
    count = files.take(rows)
    manifest = f"{prefix}manifest" if unload.manifest else ""
    try:
        _make_room(unload, s3, bucket, prefix, {file.key for file in files.made} | ({manifest} if manifest else set()))
        safe = _encryption(unload, s3, bucket)
        for file in files.made:
            s3.put_object(Bucket=bucket, Key=file.key, Body=file.body, **safe)
        if manifest:
            text = json.dumps(_manifest(unload, bucket, files.made, files.kept), indent=2)
            s3.put_object(Bucket=bucket, Key=manifest, Body=text.encode(), **safe)
    except ClientError as error:
        raise refused(error, unload.target) from error
    return Written(rows=count, files=len(files.made), bytes=sum(len(file.body) for file in files.made))


def _refuse_doubles(columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise StatementFailedError("UNLOAD to Parquet and JSON needs columns with different names")


class _Files:
    """Distributes rows to files: by partition, and by slice if PARALLEL is ON."""

    def __init__(self, unload: Unload, columns: Sequence[Column], prefix: str) -> None:
        self._unload, self._prefix = unload, prefix
        names = [column.name for column in columns]
        missing = [name for name in unload.partition if name not in names]
        if missing:
            raise StatementFailedError(f'column "{missing[0]}" of PARTITION BY is not in the query')
        self._keys = [(name, names.index(name)) for name in unload.partition]
        left_out = set[int]() if unload.include else {at for _, at in self._keys}
        self._at = [at for at in range(len(columns)) if at not in left_out]
        self.kept = [columns[at] for at in self._at]
        if not self.kept:
            raise not_here("PARTITION BY all columns is not supported: add INCLUDE")
        self._sinks: dict[Place, Sink] = {}
        self._parts: dict[Place, int] = {}
        self.made: list[_Made] = []

    def take(self, rows: Iterable[Row]) -> int:
        """Take all rows; returns their number. Without rows there is one empty file, but none for JSON or with partitions."""
        slices = _SLICES if self._unload.parallel else 1
        count = 0
        for row in rows:
            place = (self._folder(row), count % slices)
            self._put(place, self._sink(place).add([row[at] for at in self._at]))
            count += 1
        if not count and self._unload.format != "JSON" and not self._keys:
            self._sink(("", 0))
        for place, each in self._sinks.items():
            self._put(place, each.end())
        self.made.sort(key=lambda file: file.key)
        return count

    def _sink(self, place: Place) -> Sink:
        if place not in self._sinks:
            self._sinks[place] = sink(self._unload, self.kept)
        return self._sinks[place]

    def _folder(self, row: Row) -> str:
        return "".join(f"{name}={_key_text(row[at])}/" for name, at in self._keys)

    def _put(self, place: Place, files: Iterator[File]) -> None:
        folder, slice_ = place
        for body, count in files:
            part = self._parts.get(place, 0)
            self._parts[place] = part + 1
            name = f"{slice_:04d}_part_{part:02d}" if self._unload.parallel else f"{part:03d}"
            self.made.append(_Made(key=f"{self._prefix}{folder}{name}{self._suffix()}", body=body, count=count))

    def _suffix(self) -> str:
        if self._unload.extension:
            return f".{self._unload.extension.removeprefix('.')}"
        return ".parquet" if self._unload.format == "PARQUET" else _SUFFIXES[self._unload.packed]


def _key_text(value: Any) -> str:
    return _NULL if value is None else quote(csv_text(value), safe=" -_.,()'")


def _make_room(unload: Unload, s3: Any, bucket: str, prefix: str, wanted: set[str]) -> None:
    """StatementFailedError if a file would be overwritten without ALLOWOVERWRITE. CLEANPATH deletes all files below the prefix,
    or below the partitions.
    """
    if "ALLOWOVERWRITE" in unload.flags:
        return
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    existing = [item["Key"] for page in pages for item in page.get("Contents", ())]
    if "CLEANPATH" in unload.flags:
        folders = tuple({key.rpartition("/")[0] + "/" for key in wanted if key != f"{prefix}manifest"})
        for key in existing:
            if not unload.partition or key.startswith(folders):
                s3.delete_object(Bucket=bucket, Key=key)
    elif wanted & set(existing):
        raise StatementFailedError(_NOT_EMPTY)


def _encryption(unload: Unload, s3: Any, bucket: str) -> dict[str, str]:
    if unload.encrypted == "key":
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": unload.kms_key_id}
    if unload.encrypted == "auto":
        try:
            rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
                raise
            rules = []
        default = next(
            (
                rule["ApplyServerSideEncryptionByDefault"]
                for rule in rules
                if rule.get("ApplyServerSideEncryptionByDefault")
            ),
            {},
        )
        if default.get("SSEAlgorithm") == "aws:kms":
            key = {"SSEKMSKeyId": default["KMSMasterKeyID"]} if default.get("KMSMasterKeyID") else {}
            return {"ServerSideEncryption": "aws:kms"} | key
    return {"ServerSideEncryption": "AES256"}


def _manifest(unload: Unload, bucket: str, files: Sequence[_Made], columns: Sequence[Column]) -> dict[str, Any]:
    """Returns the list of files; for Parquet with their lengths, with VERBOSE all that AWS documents."""
    entries: list[dict[str, Any]] = [{"url": f"s3://{bucket}/{each.key}"} for each in files]
    if unload.manifest == "verbose" or unload.format == "PARQUET":
        for entry, each in zip(entries, files, strict=True):
            entry["meta"] = {"content_length": len(each.body)}
            if unload.manifest == "verbose":
                entry["meta"]["record_count"] = each.count
    if unload.manifest != "verbose":
        return {"entries": entries}
    return {
        "entries": entries,
        "schema": {"elements": [{"name": column.name, "type": _type(column)} for column in columns]},
        "meta": {"content_length": sum(len(m.body) for m in files), "record_count": sum(m.count for m in files)},
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }


def _type(column: Column) -> dict[str, Any]:
    kind = column.kind
    sizes = (
        {"max_length": kind.size}
        if kind.is_text
        else {"precision": kind.size, "scale": kind.scale}
        if kind.word == "numeric"
        else {}
    )
    return {"base": kind.word} | sizes
