"""The files of a load, listed once; the manifest of its COPY names exactly these.

A prefix in COPY would include `orders.bak` with `orders`, and files that arrive later. As in Hadoop, names that begin with `_`
or `.` are not data. (https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.model.warehouse.plan import FileFormat, Files

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """An object's URI and size."""

    uri: str
    bytes: int


def render_manifest(files: Iterable[FoundFile]) -> str:
    """Returns a COPY manifest with which a missing file, or one of another size, fails the COPY."""
    entries = [{"url": file.uri, "mandatory": True, "meta": {"content_length": file.bytes}} for file in files]
    return json.dumps({"entries": entries}, indent=0)


def find_files(s3: S3Gateway, files: Files) -> tuple[tuple[FoundFile, ...], tuple[str, ...]]:
    """Returns the files in order, without repetitions, and problems."""
    files_by_uri: dict[str, FoundFile] = {}
    wrong: list[str] = []
    for uri in files.uris:
        files_of_uri = list(_below(s3, uri))
        if not files_of_uri:
            what = "holds no file" if uri.endswith("/") else "does not exist"
            wrong.append(f"{uri} {what}: nothing was loaded; check that it was delivered and that its name is correct")
        files_by_uri |= {file.uri: file for file in files_of_uri}
    empty = [file.uri for file in files_by_uri.values() if not file.bytes]
    if files.format is FileFormat.PARQUET and empty:
        wrong.append(
            f"{_listed(empty)} {'is' if len(empty) == 1 else 'are'} empty, but a valid Parquet file is never empty"
        )
    packed = [file.uri for file in files_by_uri.values() if file.uri.endswith(".gz")]
    plain = [file.uri for file in files_by_uri.values() if not file.uri.endswith(".gz")]
    if files.format is not FileFormat.PARQUET and packed and plain:
        wrong.append(
            f"some of its files are gzip and some are not, as {packed[0]} and {plain[0]}: split them into two loads"
        )
    return tuple(file for file in files_by_uri.values() if file.bytes), tuple(wrong)


def are_packed(files: Iterable[FoundFile]) -> bool:
    """Whether the files are gzip, by their names."""
    return any(file.uri.endswith(".gz") for file in files)


def _below(s3: S3Gateway, uri: str) -> Iterator[FoundFile]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if uri.endswith("/"):
        for item in s3.list_objects(bucket, key):
            if not item.key.rsplit("/", 1)[-1].startswith(("_", ".")) and not item.key.endswith("/"):
                yield FoundFile(uri=f"s3://{bucket}/{item.key}", bytes=item.bytes)
        return
    head = s3.find_head(bucket, key)
    if head is not None:
        yield FoundFile(uri=uri, bytes=head.bytes)


def _listed(uris: list[str]) -> str:
    more = f" and {len(uris) - _SHOWN} more" if len(uris) > _SHOWN else ""
    return ", ".join(uris[:_SHOWN]) + more
