"""Schemas and row counts from Parquet footers, against boto3's ranged reads.

    python -m bench.footers [--objects 10000] [--tables 50] [--runs 3]

Schemas: the export inspected (listing and info file) and one footer per table. Row counts: the footer of every file, as
relocation reads them, against `get_object(Range=…)` and the same parser in 64 threads, run by run in turn; boto3 does a sample.

Copying is `bench/relocate.py`.
"""

from __future__ import annotations

import io
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import click
import pyarrow as pa
import pyarrow.parquet as pq

from bench.bars import bar, exit_by_bars
from bench.list_million import TASK, put_export
from bench.relocate import KEYS, client, cpu_seconds
from bench.s3_stub import Running, running_stub
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.wire import open_wire
from rds_lake.errors import RdsLakeError
from rds_lake.stages.databases.footers import TAIL_BYTES, Footer, read_footers
from rds_lake.stages.databases.inspect import inspect_export

_PARALLEL = 256
_ROWS = 1000
_COLUMNS = 10
_SAMPLE = 0.1  # boto3's share
_LATENCY = 20.0


def parquet() -> bytes:
    """A file of ten columns, longer than the tail that is read."""
    numbers = [number * 2654435761 % 2**31 for number in range(_ROWS)]
    columns = {f"column_{n}": pa.array([value * (n + 1) for value in numbers], pa.int64()) for n in range(_COLUMNS)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="none", use_dictionary=False)
    return sink.getvalue()


def gateway(stub: Running) -> S3Gateway:
    """As a run has it."""
    clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=stub.url)
    return S3Gateway(clients.s3, open_wire(clients, _PARALLEL))


def schemas(s3: S3Gateway) -> tuple[float, list[str]]:
    """Seconds until every table's columns are known, and all files."""
    started = time.perf_counter()
    contents = inspect_export(s3, task=TASK, include=())
    first = [table.files[0].key for table in contents.tables]
    found = footers(s3, first)
    seconds = time.perf_counter() - started
    assert {len(footer.columns) for footer in found} == {_COLUMNS}
    return seconds, [file.key for table in contents.tables for file in table.files]


def ours(s3: S3Gateway, keys: list[str]) -> float:
    """Files per second."""
    started = time.perf_counter()
    found = footers(s3, keys)
    seconds = time.perf_counter() - started
    assert [footer.rows for footer in found] == [_ROWS] * len(keys)
    return len(keys) / seconds


def footers(s3: S3Gateway, keys: list[str]) -> list[Footer]:
    """Of every file; none may have failed."""
    outcomes: list[Footer | RdsLakeError] = []
    read_footers(ManyS3(s3, _PARALLEL), TASK.bucket, keys, done=lambda _, outcome: outcomes.append(outcome))
    found = [outcome for outcome in outcomes if isinstance(outcome, Footer)]
    assert len(found) == len(keys)
    return found


def theirs(stub: Running, keys: list[str]) -> float:
    """Files per second of boto3 in 64 threads."""
    s3 = client(stub.url)

    def rows(key: str) -> int:
        tail = s3.get_object(Bucket=TASK.bucket, Key=key, Range=f"bytes=-{TAIL_BYTES}")["Body"].read()
        return pq.read_metadata(pa.BufferReader(tail)).num_rows

    started = time.perf_counter()
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(rows, keys)) == [_ROWS] * len(keys)
    return len(keys) / (time.perf_counter() - started)


def timed(read: Callable[[Any, list[str]], float], where: Any, keys: list[str]) -> tuple[float, float]:
    """Files per second, and the CPU seconds of 1,000."""
    cpu = cpu_seconds()
    rate = read(where, keys)
    return rate, (cpu_seconds() - cpu) / len(keys) * 1000


@click.command()
@click.option("--objects", default=10_000, show_default=True)
@click.option("--tables", default=50, show_default=True)
@click.option("--runs", default=3, show_default=True)
def main(objects: int, tables: int, runs: int) -> None:
    """Read footers."""
    os.environ.update(KEYS)
    with running_stub() as stub:
        s3 = gateway(stub)
        s3.put_bytes(TASK.bucket, "template", parquet(), kms_key=None)
        put_export(stub, client(stub.url), keys=objects, tables=tables, like="template")
        stub.admin("set", latency=_LATENCY, slow=0)
        times = [schemas(s3) for _ in range(runs)]
        keys = times[0][1]
        pairs = [(timed(ours, s3, keys), timed(theirs, stub, keys[: int(objects * _SAMPLE)])) for _ in range(runs)]
    for (fast, cpu), (slow, their_cpu) in pairs:
        click.echo(
            f"{_LATENCY:.0f} ms, row counts: rds-lake {fast:.0f} files/s at {cpu:.2f} CPU s/1,000, "
            f"boto3 in 64 threads {slow:.0f} at {their_cpu:.2f}"
        )
    bar("schemas-of-50-tables-s", statistics.median(seconds for seconds, _ in times), 0.5, at_most=True)
    bar("row-counts-vs-boto3", statistics.median(fast / slow for (fast, _), (slow, _) in pairs), 5)
    exit_by_bars()


if __name__ == "__main__":
    main()
