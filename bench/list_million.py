"""A million keys listed and planned: CPU seconds and memory, nothing kept.

    python -m bench.list_million [--keys 1000000]

What belongs here: the listing's own cost, page by page, with every key classified and given its place in the lake.
"""

from __future__ import annotations

import os
import resource

import boto3
import click

from bench.relocate import KEYS, bar, cpu_seconds
from bench.s3_stub import running_stub
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3 import S3Gateway
from rds_lake.aws.s3_many import ManyS3
from rds_lake.model.export_key import ExportedData, parse_export_key
from rds_lake.model.layout import LakeLayout

_FOLDER = "exports/task-1/"


@click.command()
@click.option("--keys", default=1_000_000, show_default=True)
def main(keys: int) -> None:
    """List and plan."""
    os.environ.update(KEYS)
    planned = 0

    def plan(key: str, size: int) -> None:
        nonlocal planned
        data = parse_export_key(key, _FOLDER)
        if isinstance(data, ExportedData):
            planned += len(LakeLayout.data_key(f"lake/shop/{data.folder}/", data.index, data.name)) > 0 and size > 0

    with running_stub() as stub:
        prefix = f"{_FOLDER}shop/public.orders/1/part-@-3f9c2d71ab04-c000.gz.parquet"
        stub.admin("fill", bucket="lake", prefix=prefix, count=keys, size=1000)
        clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=stub.url)
        many = ManyS3(S3Gateway(clients.s3, clients.wire(4)), 4)
        many.sizes("lake", ["nothing/"], found=plan)  # imports and connections are no part of the figure
        before, cpu = peak(), cpu_seconds()
        many.sizes("lake", [_FOLDER], found=plan)
        cpu, grown = cpu_seconds() - cpu, peak() - before
    assert planned == keys, f"{planned} of {keys} keys planned"
    click.echo(f"{keys:,} keys: {cpu:.1f} CPU s, {grown:.0f} MB more at the peak")
    bar("list-million-cpu-s", cpu, 10, at_most=True)
    bar("list-million-mb", grown, 100, at_most=True)


def peak() -> float:
    """Largest resident set so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
