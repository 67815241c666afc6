"""What an UNLOAD does: it writes files below a prefix, never over what is there, and then the manifest.

A failure in the middle leaves the files that were written, as in AWS. What belongs here: names of files and the manifest.
(https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.objects import Stores
from rds_lake.localcloud.redshift.unloading.formats import Row, files
from rds_lake.localcloud.redshift.unloading.options import Unload

_SLICES = 2
_NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target "
    "files in S3, or using the ALLOWOVERWRITE option."
)


def write(unload: Unload, columns: Sequence[Column], rows: Sequence[Row], stores: Stores) -> int:
    """Write the rows; how many there are."""
    s3 = stores(unload.role)
    bucket, _, prefix = unload.target.removeprefix("s3://").partition("/")
    made = [(f"{prefix}{name}", body, count) for name, body, count in _named(unload, columns, rows)]
    manifest = f"{prefix}manifest" if unload.manifest else ""
    try:
        if "ALLOWOVERWRITE" not in unload.flags:
            _refuse_existing(s3, bucket, prefix, {key for key, _, _ in made} | {manifest})
        for key, body, _ in made:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")
        if manifest:
            text = json.dumps(_manifest(unload, bucket, made, columns), indent=2)
            s3.put_object(Bucket=bucket, Key=manifest, Body=text.encode(), ServerSideEncryption="AES256")
    except ClientError as error:
        details = error.response["Error"]
        message = f"S3ServiceException:{details.get('Message', '')},Status {details['Code']},{unload.target}"
        raise StatementFailedError(message) from error
    return len(rows)


def _named(unload: Unload, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[tuple[str, bytes, int]]:
    """Names by slice and part, or 000, 001, … where PARALLEL is OFF. Without rows JSON writes no file."""
    suffix = f".{unload.extension}" if unload.extension else _suffix(unload)
    share = -(-len(rows) // _SLICES) if unload.parallel else len(rows)
    for number in range(_SLICES if unload.parallel else 1):
        mine = rows[number * share : (number + 1) * share]
        if not mine and (number or unload.format == "JSON"):
            continue
        for part, (body, count) in enumerate(files(unload, columns, mine)):
            name = f"{number:04d}_part_{part:02d}" if unload.parallel else f"{part:03d}"
            yield f"{name}{suffix}", body, count


def _suffix(unload: Unload) -> str:
    return ".parquet" if unload.format == "PARQUET" else ".gz" if "GZIP" in unload.flags else ""


def _refuse_existing(s3: Any, bucket: str, prefix: str, wanted: set[str]) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        if any(item["Key"] in wanted for item in page.get("Contents", ())):
            raise StatementFailedError(_NOT_EMPTY)


def _manifest(
    unload: Unload, bucket: str, made: Sequence[tuple[str, bytes, int]], columns: Sequence[Column]
) -> dict[str, Any]:
    """Files alone; of Parquet with their lengths; with VERBOSE all that AWS lists."""
    entries: list[dict[str, Any]] = [{"url": f"s3://{bucket}/{key}"} for key, _, _ in made]
    if unload.manifest == "verbose" or unload.format == "PARQUET":
        for entry, (_, body, count) in zip(entries, made, strict=True):
            entry["meta"] = {"content_length": len(body)}
            if unload.manifest == "verbose":
                entry["meta"]["record_count"] = count
    if unload.manifest != "verbose":
        return {"entries": entries}
    return {
        "entries": entries,
        "schema": {"elements": [{"name": column.name, "type": _type(column)} for column in columns]},
        "meta": {"content_length": sum(len(b) for _, b, _ in made), "record_count": sum(c for _, _, c in made)},
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
