"""A million objects of an export listed and planned: CPU seconds and memory over the idle process.

    python -m bench.list_million [--keys 1000000] [--tables 50]

`inspect_export` as a run calls it - every page, every key classified, completeness checked - and then the plan, of which
every copy is asked for once, in order. Listing alone is printed as well.

What the copies cost afterwards: `bench/relocate.py`.
"""

from __future__ import annotations

import gc
import json
import os
import resource
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import click

from bench.bars import bar, exit_by_bars
from bench.relocate import KEYS, cpu_seconds
from bench.s3_stub import Running, running_stub
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.wire import open_wire
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases.inspect import inspect_export
from rds_lake.stages.databases.relocation.copy_plan import plan_copies

_ARN = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-prod-2026-11-20-03-00"
_COLUMNS = [{"columnName": "id", "originalType": "bigint", "expectedExportedType": "int64"}]
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
TASK = ExportTask(
    identifier="task-1",
    source_arn=_ARN,
    status=ExportStatus.COMPLETE,
    bucket="source",
    prefix="exports",
    snapshot_time=AT,
)
RECORD = ExportRecord(
    source="shop",
    snapshot_date=date(2026, 11, 20),
    snapshot_arn=_ARN,
    snapshot_time=AT,
    export_task=TASK.identifier,
    bucket=TASK.bucket,
    folder=TASK.folder,
)


def put_export(stub: Running, s3: Any, *, keys: int, tables: int, like: str = "") -> None:
    """An export of so many files in the stub, named as AWS names them; with the body of the object `like`."""
    names = [f"table_{number:03}" for number in range(tables)]
    for number, name in enumerate(names):
        prefix = f"{TASK.folder}shop/public.{name}/1/"
        part = f"{prefix}part-@-7b3de4ab-42c5-4d08-9f3c-3f9c2d71ab04-c000.gz.parquet"
        count = keys // tables + (number < keys % tables)
        stub.admin("fill", bucket=TASK.bucket, prefix=part, count=count, size=1000, like=like)
        s3.put_object(Bucket=TASK.bucket, Key=f"{prefix}_SUCCESS", Body=b"")
    entries = [
        {
            "target": f"shop.public.{name}",
            "status": "COMPLETE",
            "schemaMetadata": {"originalTypeMappings": _COLUMNS},
        }
        for name in names
    ]
    info = f"{TASK.folder}export_tables_info_{TASK.identifier}_from_1_to_{tables}.json"
    s3.put_object(Bucket=TASK.bucket, Key=info, Body=json.dumps({"perTableStatus": entries}).encode())


def resident() -> float:
    """Resident set now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    """Largest resident set so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command()
@click.option("--keys", default=1_000_000, show_default=True)
@click.option("--tables", default=50, show_default=True)
def main(keys: int, tables: int) -> None:
    """List and plan."""
    os.environ.update(KEYS)
    with running_stub() as stub:
        clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=stub.url)
        put_export(stub, clients.s3, keys=keys, tables=tables)
        s3 = S3Gateway(clients.s3, open_wire(clients, 4))
        seen: list[int] = []
        many = ManyS3(s3, 1)
        many.sizes(
            TASK.bucket, ["nothing/"], report=lambda items: seen.append(len(items))
        )  # connections are no part of it
        gc.collect()
        before = max(peak(), resident())
        cpu = cpu_seconds()
        many.sizes(TASK.bucket, [TASK.folder], report=lambda items: seen.append(len(items)))
        listing, cpu = cpu_seconds() - cpu, cpu_seconds()
        contents = inspect_export(s3, task=TASK, include=())
        inspecting = cpu_seconds() - cpu
        plan = plan_copies(contents.tables, RECORD, LakeLayout(bucket="lake", prefix="lake"))
        planned = sum(1 for copy in plan if copy.target_key and copy.file.bytes)
        cpu, grown = cpu_seconds() - cpu, peak() - before
    assert (planned, contents.findings) == (keys, ()), f"{planned} of {keys} planned; {contents.findings[:3]}"
    assert sum(seen) == keys + tables + 1, f"{sum(seen)} keys listed"
    click.echo(
        f"{keys:,} keys: {cpu:.1f} CPU s, of it inspection {inspecting:.1f} (listing alone {listing:.1f}); "
        f"{grown:.0f} MB more at the peak"
    )
    bar("list-and-plan-million-cpu-s", cpu, 10, at_most=True)
    bar("list-and-plan-million-mb", grown, 100, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
