"""The report of a big lake, read from an S3 that answers after 20 ms: seconds, memory of the process, size of the page.

    python -m bench.report
    python -m bench.report --sources 4 --dates 40      # seconds

The records are those that a real lake has; of the files of dates nothing is read. RDS is in memory.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from urllib.error import URLError
from urllib.request import urlopen

import click

from bench.bars import bar, exit_by_bars
from bench.s3_answers import Stored, Stub
from bench.s3_stub import serve
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.resources import AwsResource
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.manifest_json import render_manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.report.gather import gather
from rds_lake.stages.report.page.page import render_page
from rds_lake.stages.report.values import KnownFailures
from rds_lake_tests.fakes.rds import FakeRds

_LAYOUT = LakeLayout(bucket="acme-lake", prefix="lake")
_NEWEST = date(2026, 11, 28)
_NOW = datetime(2026, 11, 29, 7, tzinfo=UTC)
_FILES = 40  # of a table
_ARN = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:{}-2026-11-28"


def task_of(source: str, day: date) -> str:
    """The id of the export of a date."""
    return f"{source}-{day}-1"


def manifest_of(source: str, day: date, tables: int) -> Manifest:
    """The manifest of a date: a table gets more rows every day, and one more column a year."""
    task = task_of(source, day)
    export = ExportRecord(
        source=source,
        snapshot_date=day,
        snapshot_arn=_ARN.format(source),
        snapshot_time=datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
        export_task=task,
        bucket="acme-exports",
        folder=f"exports/{task}/",
    )
    made: list[TableManifest] = []
    for number in range(tables):
        target = TableTarget(database="shop", schema="public", table=f"customer_order_positions_{number:03}")
        folder = _LAYOUT.partition_folder(source, f"shop/public.{target.table}", day, task)
        rows = day.toordinal() + number
        files = [DataFile(key=f"{folder}{at}-part.gz.parquet", bytes=rows * 9, rows=rows) for at in range(_FILES)]
        columns = [
            Column(name=f"column_{at}", hive_type="bigint", original_type="bigint") for at in range(20 + day.day % 2)
        ]
        made.append(TableManifest(target=target, location=_LAYOUT.uri(folder), columns=tuple(columns), files=files))
    return Manifest(export=export, lake_bucket=_LAYOUT.bucket, tables=tuple(made))


def row_of(source: str, day: date, tables: int) -> bytes:
    """The row of `_snapshots` of a date, as `stages/lake/snapshot_log.py` writes it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {
        "snapshot_date": day.isoformat(),
        "snapshot_time": datetime(day.year, day.month, day.day, 3),  # noqa: DTZ001 - as Parquet has it
        "snapshot_arn": _ARN.format(source),
        "export_task": task_of(source, day),
        "tables": tables,
        "rows": sum(day.toordinal() + number for number in range(tables)) * _FILES,
        "bytes": sum(day.toordinal() + number for number in range(tables)) * _FILES * 9,
        "published_at": datetime(day.year, day.month, day.day, 5),  # noqa: DTZ001
        "became_latest": True,
        "state": "published",
    }
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), buffer)
    return buffer.getvalue()


def fill(stub: Stub, sources: list[str], days: list[date], tables: int) -> None:
    """All records of the lake. Of manifests only those are whole that a report opens."""
    bucket = stub.bucket(_LAYOUT.bucket)

    def put(key: str, body: bytes) -> None:
        bucket.put(key, Stored(len(body), body, "0" * 32))

    whole = {days[-1], days[-2], max((day for day in days if day <= days[-1] - timedelta(days=30)), default=days[0])}
    for source in sources:
        for day in days:
            body = render_manifest(manifest_of(source, day, tables)) if day in whole else b"{}"
            put(_LAYOUT.manifest_key(source, day), body)
            put(_LAYOUT.export_record_key(source, day), b"{}")
            put(
                f"{_LAYOUT.snapshot_log_folder(source)}{day}-{task_of(source, day)}.parquet",
                row_of(source, day, tables),
            )
        pointer = {"snapshot_date": str(days[-1]), "export_task": task_of(source, days[-1]), "rolled_back_from": None}
        put(_LAYOUT.published_key(source), json.dumps({"version": 1, **pointer, "views": {}, "moves": []}).encode())


def serve_lake(port: int, latency: float, sources: list[str], days: list[date], tables: int) -> None:
    """The process of the server."""
    import uvloop

    stub = Stub(latency=latency)
    fill(stub, sources, days, tables)
    uvloop.run(serve(stub, port))


@contextmanager
def served(sources: list[str], days: list[date], tables: int) -> Iterator[str]:
    """The address of a server of its own with such a lake."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not forked: the memory of this process is measured.
    arguments = (port, 0.02, sources, days, tables)
    process = multiprocessing.get_context("spawn").Process(target=serve_lake, args=arguments)
    process.start()
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url):
            assert process.is_alive(), "the server ended"
            time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.join()


def _answers(url: str) -> bool:
    try:
        urlopen(f"{url}/_admin/stats", timeout=5).close()
    except URLError:
        return False  # it makes its objects first
    return True


def configured(sources: list[str]) -> LakeConfig:
    """The lake.yaml of such a lake."""
    lake = {
        "bucket": _LAYOUT.bucket,
        "prefix": _LAYOUT.prefix,
        "export_role": "arn:aws:iam::123456789012:role/export",
        "kms_key": "alias/lake",
        "events_queue": "events",
        "start_date": "2025-01-01",
    }
    retention = {"daily": 380, "weekly": 8, "monthly": 24}
    items = [{"name": name, "kind": "rds", "identifier": name, "retention": retention} for name in sources]
    return LakeConfig.model_validate({"lake": lake, "sources": items})


@click.command()
@click.option("--sources", "count", default=40, show_default=True)
@click.option("--tables", default=20, show_default=True, help="Of each source.")
@click.option("--dates", default=400, show_default=True)
def main(count: int, tables: int, dates: int) -> None:
    """Gather, render, measure."""
    names = [f"shop{number:02}" for number in range(count)]
    days = [_NEWEST - timedelta(days=ago) for ago in range(dates - 1, -1, -1)]
    config = configured(names)
    snapshots = [
        Snapshot(
            arn=_ARN.format(name),
            identifier=f"rds:{name}-2026-11-28",
            source_identifier=name,
            kind="automated",
            created_at=_NOW,
            status="available",
            size_gb=100,
            engine="postgres",
        )
        for name in names
    ]
    with served(names, days, tables) as url:
        aws = AwsResource(
            endpoint_url=url, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        lake = aws.gateways(config.lake).lake
        began, busy = time.monotonic(), time.process_time()
        rds = FakeRds(snapshots=snapshots)
        report = gather(config, config.sources, rds=rds, lake=lake, failures=KnownFailures(), now=_NOW)
        page = render_page(report).encode()
        whole, busy = time.monotonic() - began, time.process_time() - busy
        requests = json.load(urlopen(f"{url}/_admin/stats", timeout=30))["requests"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert [len(source.dates) for source in report.sources] == [dates] * count, report.needs[:3]
    click.echo(f"{count} sources, {count * tables} tables, {dates} dates: {busy:.1f} s of a processor, {requests}")
    bar("report-seconds", whole, 20, at_most=True)
    bar("report-mb-of-memory", peak, 300, at_most=True)
    bar("report-mb-of-html", len(page) / 1e6, 2, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
