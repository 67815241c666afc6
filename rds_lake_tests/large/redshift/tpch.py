"""TPC-H on the local Redshift at a larger scale: the large version of `rds_lake_tests/localcloud/redshift/test_tpch.py`.

python -m bench.tpch                                # SF 1: six million lines, half an hour
python -m bench.tpch --scale 0.1
python -m bench.tpch --folder tpch-1 --way lake     # files and PostgreSQL's answers stay in the folder, and are used again
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake_tests.localcloud.redshift.tpch import running
from rds_lake_tests.localcloud.redshift.tpch.queries import QUERIES, TABLES
from rds_lake_tests.localcloud.redshift.warehouse import Warehouse


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where files and answers are kept for the next time.")
@click.option("--way", "ways", multiple=True, type=click.Choice(running.WAYS), help="Only this way; all without.")
def main(scale: float, folder: Path | None, ways: tuple[str, ...]) -> None:
    """All queries, by every way into the warehouse, against PostgreSQL."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tpch-")))
        wanted = _wanted(folder, scale)
        cloud = stack.enter_context(LocalCloud({}))
        os.environ |= environment(cloud.url)
        warehouse = Warehouse(cloud=cloud)
        warehouse.prepare()
        running.into_s3(warehouse, folder)
        for way in ways or running.WAYS:
            _one(warehouse, way, wanted)
    exit_by_bars()


def _wanted(folder: Path, scale: float) -> dict[int, running.Rows]:
    """PostgreSQL's answers, of this time or an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, began = folder / f"answers-{scale:g}.json", time.perf_counter()
    if kept.exists():
        return {int(n): [tuple(map(_read, row)) for row in rows] for n, rows in json.loads(kept.read_text()).items()}
    running.generate(folder, scale)
    with EmbeddedPostgres() as server:
        url = server.create_database("tpch")
        running.into_postgres(url, folder)
        wanted = running.of_postgres(url)
    _say(f"PostgreSQL: loaded and answered in {time.perf_counter() - began:.0f} s")
    texts = {number: [list(map(_written, row)) for row in rows] for number, rows in wanted.items()}
    kept.write_text(json.dumps(texts), encoding="utf-8")
    return wanted


def _written(value: Any) -> Any:
    return [str(value)] if isinstance(value, int | float | Decimal) else value if value is None else str(value)


def _read(value: Any) -> Any:
    return Decimal(value[0]) if isinstance(value, list) else value


def _one(warehouse: Warehouse, way: str, wanted: dict[int, running.Rows]) -> None:
    began = time.perf_counter()
    running.load(warehouse, way)
    loaded = time.perf_counter()
    lines = warehouse.rows(f"select count(*) from {way}.lineitem as l")[0][0]
    wrong: dict[int, list[str]] = {}
    for number in QUERIES:
        at = time.perf_counter()
        found = running.differences(number, running.answer(warehouse, way, number), wanted[number])
        _say(f"  {way} query {number}: {found[:3] if found else 'equal'}, {time.perf_counter() - at:.1f} s")
        if found:
            wrong[number] = found
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queries = time.perf_counter() - loaded
    _say(f"{way}: {lines:,} lines of {len(TABLES)} tables loaded in {loaded - began:.0f} s, "
         f"{len(QUERIES)} queries in {queries:.0f} s, at most {memory:,.0f} MB")  # fmt: skip
    bar(f"{way}_queries_equal", len(QUERIES) - len(wrong), len(QUERIES))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
