"""TPC-H on the local Redshift at a larger scale: the large version of `rds_lake_tests/localcloud/redshift/test_tpch.py`.

python -m bench.tpch                   # SF 1: six million lines, some minutes
python -m bench.tpch --scale 0.1
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake_tests.localcloud.redshift.tpch import running
from rds_lake_tests.localcloud.redshift.tpch.queries import QUERIES
from rds_lake_tests.localcloud.redshift.warehouse import Warehouse


@click.command()
@click.option("--scale", default=1.0, show_default=True)
def main(scale: float) -> None:
    """All queries, by every way into the warehouse, against PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="tpch-") as name:
        folder = Path(name)
        running.generate(folder, scale)
        began = time.perf_counter()
        with EmbeddedPostgres() as server:
            url = server.create_database("tpch")
            running.into_postgres(url, folder)
            wanted = running.of_postgres(url)
        click.echo(f"PostgreSQL: loaded and answered in {time.perf_counter() - began:.0f} s")
        with LocalCloud({}) as cloud:
            os.environ |= environment(cloud.url)
            warehouse = Warehouse(cloud=cloud)
            warehouse.prepare()
            running.into_s3(warehouse, folder)
            for way in running.WAYS:
                _one(warehouse, way, wanted)
    exit_by_bars()


def _one(warehouse: Warehouse, way: str, wanted: dict[int, running.Rows]) -> None:
    began = time.perf_counter()
    running.load(warehouse, way)
    loaded = time.perf_counter()
    wrong = {
        n: found for n in QUERIES if (found := running.differences(n, running.answer(warehouse, way, n), wanted[n]))
    }
    for number, found in wrong.items():
        click.echo(f"  query {number}: {found[:3]}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(
        f"{way}: loaded in {loaded - began:.0f} s, 22 queries in {time.perf_counter() - loaded:.0f} s, at most {memory:,.0f} MB"
    )
    bar(f"{way}_queries_equal", len(QUERIES) - len(wrong), len(QUERIES))


if __name__ == "__main__":
    main()
