"""The UNLOAD of a result to the run's own folder in S3, and its problems before it is sent.

Never CLEANPATH, which deletes other objects there; never ALLOWOVERWRITE, as each attempt has its own folder.
(https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)
"""

from __future__ import annotations

from rds_lake.model.warehouse.plan import FileFormat, Unload
from rds_lake.sql.quoting import identifier, literal, redshift_literal
from rds_lake.sql.warehouse.statements import MOST_BYTES

_MB = 1024**2
_SMALLEST_FILE = 5 * _MB
_LARGEST_SINGLE = 5 * 1024**3  # the largest object that S3 copies in one request
_ENDINGS = {FileFormat.CSV: "csv", FileFormat.TEXT: "txt", FileFormat.JSON: "json", FileFormat.PARQUET: "parquet"}


def unload_problems(unload: Unload) -> tuple[str, ...]:
    """Returns why Redshift would refuse the UNLOAD, or its result would be incomplete, as sentences."""
    kind = unload.format
    wrong: list[str] = []
    if not unload.to.startswith("s3://") or not unload.to.endswith("/") or len(unload.to.split("/")) < 4:
        wrong.append(f"`to` is {unload.to!r}: write s3://bucket/prefix/ with a slash at the end")
    if kind in (FileFormat.PARQUET, FileFormat.JSON) and unload.header:
        wrong.append(f"{kind.value} has no header line: leave `header` out")
    if kind in (FileFormat.PARQUET, FileFormat.JSON) and unload.delimiter:
        wrong.append(f"{kind.value} has no delimiter: leave `delimiter` out")
    if kind is FileFormat.PARQUET and unload.gzip:
        wrong.append("parquet is compressed by itself: leave `gzip` out")
    if unload.delimiter is not None and len(unload.delimiter) != 1:
        wrong.append(f"`delimiter` is {unload.delimiter!r}, but must be one character")
    if unload.single_file and unload.partition_by:
        wrong.append("`single_file` and `partition_by` cannot be used together: leave one out")
    if unload.single_file and not 0 < unload.most_bytes <= _LARGEST_SINGLE:
        wrong.append(f"`most_bytes` of a single file is from 1 to {_LARGEST_SINGLE:,}")
    if len(render_unload(unload, unload.to, role="default", kms_key=None).encode()) > MOST_BYTES:
        wrong.append(f"its query has more than the {MOST_BYTES:,} bytes that the Data API takes; make a step of it")
    return tuple(f"unload {unload.name}: {problem}" for problem in wrong)


def file_ending(unload: Unload) -> str:
    """Returns `csv`, `csv.gz`, `parquet`, …"""
    return _ENDINGS[unload.format] + ".gz" * unload.gzip


def render_unload(unload: Unload, to: str, *, role: str, kms_key: str | None) -> str:
    """Renders the statement. `to`: the prefix of its files; `kms_key`: of the bucket."""
    query = unload.query.strip().rstrip(";")
    quoted = redshift_literal(query) if "$$" in query else f"$$ {query} $$"
    options = [
        f"IAM_ROLE {'default' if role == 'default' else literal(role)}",
        "" if unload.format is FileFormat.TEXT else f"FORMAT AS {unload.format.value.upper()}",
        f"PARTITION BY ({', '.join(map(identifier, unload.partition_by))})" if unload.partition_by else "",
        f"DELIMITER AS {redshift_literal(unload.delimiter)}" if unload.delimiter else "",
        "HEADER" if unload.header else "",
        "GZIP" if unload.gzip else "",
        "ESCAPE" if unload.format is FileFormat.TEXT else "",
        f"KMS_KEY_ID {literal(kms_key)} ENCRYPTED" if kms_key else "",
        f"PARALLEL OFF MAXFILESIZE {_megabytes(unload.most_bytes)} MB" if unload.single_file else "",
        "MANIFEST VERBOSE",
    ]
    return f"UNLOAD ({quoted}) TO {literal(to)} {' '.join(option for option in options if option)}"


def render_guard(unload: Unload, sample: int) -> tuple[str, str]:
    """Renders queries for the number of rows of the result, and for a sample to estimate its size."""
    query = unload.query.strip().rstrip(";")
    return (
        f"SELECT count(*) FROM ({query}\n) AS rds_lake_result",
        f"SELECT * FROM ({query}\n) AS rds_lake_result LIMIT {sample}",
    )


def _megabytes(most: int) -> int:
    """Returns the size above which Redshift splits a single file, which is then noticed: whole megabytes, at least 5."""
    return -(-max(most, _SMALLEST_FILE) // _MB)
