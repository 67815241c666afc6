"""The files that a COPY loads: those of a prefix, or those in a manifest, read with the rights of the COPY's role.

(https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.options import Copy

# Milliseconds.
_SIGNED_FOR = 3_600_000
_GONE = ("NoSuchKey", "404", "NoSuchBucket")


class Stores(Protocol):
    """Returns a client of S3 or Glue with the rights of a role (ARN or `default`). StatementFailedError if it is not attached.

    `region`: empty for the warehouse's own; `unlimited`: with all rights, for what AWS itself reads.
    """

    def __call__(self, role: str, service: str = "s3", region: str = "", *, unlimited: bool = False) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """One file: its URL and its content."""

    url: str
    content: bytes


def files_of(copy: Copy, stores: Stores) -> Iterator[LoadedFile]:
    """Returns each file; a URL that is listed twice is loaded twice. StatementFailedError if there is none."""
    s3 = stores(copy.role, "s3", copy.region)
    files = _listed(copy, s3) if "MANIFEST" in copy.flags else _below(copy.source, s3)
    for bucket in dict.fromkeys(_split(url)[0] for url, _, _ in files):
        _refuse_short_signatures(copy, stores, bucket)
    if not files:
        raise StatementFailedError(f"The specified S3 prefix '{_split(copy.source)[1]}' does not exist")
    any_there = False
    for url, mandatory, size in files:
        content = read_object(s3, url, mandatory=mandatory)
        if content is None:
            continue
        any_there = True
        if copy.format == "PARQUET" and size is not None and size != len(content):
            message = (
                f"Incorrect content_length in the manifest for {url}: {size}, and the file has {len(content)} bytes"
            )
            raise StatementFailedError(message)
        yield LoadedFile(url=url, content=content)
    if not any_there:
        raise StatementFailedError(f"None of the files that {copy.source} lists was found")


def _refuse_short_signatures(copy: Copy, stores: Stores, bucket: str) -> None:
    """Columnar files are read by URLs that are signed for an hour, which a bucket's policy may forbid.

    (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html)
    """
    if copy.format != "PARQUET":
        return
    try:
        policy = json.loads(stores(copy.role, unlimited=True).get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError:
        return  # there is no policy
    statements = policy.get("Statement") or []
    for each in statements if isinstance(statements, list) else [statements]:
        for operator, keys in (each.get("Condition") or {}).items():
            ages = [age for key, age in keys.items() if key.lower() == "s3:signatureage"]
            denied = each.get("Effect") == "Deny" and operator.startswith("NumericGreater")
            if denied and any(int(age) < _SIGNED_FOR for age in ages):
                raise StatementFailedError(
                    f"S3ServiceException:Access Denied,Status 403,{copy.source}: the policy of {bucket} forbids signatures that "
                    f"are older than {ages[0]} ms (s3:signatureAge)"
                )


def _below(source: str, s3: Any) -> list[tuple[str, bool, int | None]]:
    bucket, prefix = _split(source)
    keys: list[str] = []
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            keys += [item["Key"] for item in page.get("Contents", ()) if item["Size"]]
    except ClientError as error:
        raise refused(error, source) from error
    return [(f"s3://{bucket}/{key}", True, None) for key in keys]


def _listed(copy: Copy, s3: Any) -> list[tuple[str, bool, int | None]]:
    content = read_object(s3, copy.source, mandatory=True) or b""
    try:
        entries = json.loads(content)["entries"]
        files = [(e["url"], bool(e.get("mandatory")), (e.get("meta") or {}).get("content_length")) for e in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StatementFailedError(f"{copy.source} is not a manifest: {error!r}") from error
    missing = [url for url, _, size in files if size is None]
    if copy.format == "PARQUET" and missing:
        raise StatementFailedError(f"The manifest {copy.source} has no meta.content_length for {missing[0]}")
    return files


def read_object(s3: Any, url: str, *, mandatory: bool) -> bytes | None:
    """Returns the content of an object; None if it does not exist and is optional."""
    bucket, key = _split(url)
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise refused(error, url) from error
        if mandatory:
            raise StatementFailedError(f"Mandatory url is not present in manifest list or S3: {url}") from error
        return None


def refused(error: ClientError, url: str) -> StatementFailedError:
    """Returns the error of S3 or Glue as Redshift's."""
    details = error.response["Error"]
    if not url.startswith("s3://"):
        return StatementFailedError(f"{details.get('Message', details['Code'])} ({details['Code']}, {url})")
    return StatementFailedError(f"S3ServiceException:{details.get('Message', '')},Status {details['Code']},{url}")


def _split(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key
