"""What a comparison of two dates reads and takes, against one full scan of each date, in turns, on the local Athena.

    python -m bench.diff                  # 10 million rows, 1 % changed: some minutes, 4 GB of memory
    python -m bench.diff --rows 100000    # seconds

The engine is DuckDB: the ratio of times says how much more work the comparison is, not how long Athena takes. The bytes are those
that Athena bills.
"""

from __future__ import annotations

import io
import os
import statistics
from dataclasses import replace
from datetime import date
from functools import partial

import click
import pyarrow as pa
import pyarrow.parquet as pq

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.environment import environment
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.diff.columns import DatedColumn, pair_columns
from rds_lake.sql.diff.comparison import Comparison, Side
from rds_lake.sql.diff.statement import render_comparison
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.sql.views import render_select
from rds_lake.stages.lake.lake import Lake
from rds_lake_tests.large.lake import lake_alone

_DAYS = (date(2026, 11, 19), date(2026, 11, 20))
_FILE_ROWS = 1_000_000
_COLUMNS = (
    Column(name="id", hive_type="bigint"),
    Column(name="customer", hive_type="bigint"),
    Column(name="note", hive_type="string", original_type="text"),
    Column(name="total", hive_type="string", original_type="numeric", num_precision=12),
)
_NAMES = AthenaTable(
    target=TableTarget(database="shop", schema="public", table="orders"),
    view="orders",
    columns=tuple((column.name, column.name) for column in _COLUMNS),
)


def rows_of(first: int, count: int, *, later: bool) -> pa.Table:
    """Orders by ascending id; of the later date every hundredth is changed, added or removed in turns."""
    ids = range(first, first + count)
    chosen = [number for number in ids if not later or number % 300 != 0]
    added = [-number for number in ids if later and number % 300 == 150]
    changed = [later and number % 300 == 200 for number in chosen]
    notes = [f"{'changed' if change else number:n>24}" for number, change in zip(chosen, changed, strict=True)]
    everything = [*chosen, *added]
    return pa.table(
        {
            "id": pa.array(everything, pa.int64()),
            "customer": pa.array((number // 7 for number in everything), pa.int64()),
            "note": pa.array([*notes, *map(str, added)], pa.string()),
            "total": pa.array((f"{number}.25" for number in everything), pa.string()),
        }
    )


def prepare(lake: Lake, rows: int) -> None:
    """The raw table with a partition for either date."""
    lake.glue.ensure_database("shop", description="")
    columns = tuple((column.name, column.hive_type, "") for column in _COLUMNS)
    spec = TableSpec(
        name=_NAMES.raw,
        columns=columns,
        partition_keys=(("snapshot_date", "string"),),
        location="s3://acme-lake/bench/",
        description="",
    )
    lake.glue.create_table("shop", spec)
    for day in _DAYS:
        folder = f"bench/{day}/"
        for number, at in enumerate(range(0, rows, _FILE_ROWS)):
            buffer = io.BytesIO()
            pq.write_table(rows_of(at, min(_FILE_ROWS, rows - at), later=day == _DAYS[1]), buffer, compression="gzip")
            lake.s3.put_bytes("acme-lake", f"{folder}{number:05}.parquet", buffer.getvalue(), kms_key=None)
        partition = PartitionSpec(values=(day.isoformat(),), location=f"s3://acme-lake/{folder}", columns=columns)
        lake.glue.create_partitions("shop", spec.name, [partition])


def made(column: Column, name: str) -> ViewColumn:
    """The view's column over a raw column of that name."""
    return view_column(replace(column, name=name), column.name)


def statements() -> dict[str, str]:
    """The full scans of both dates, and the comparison."""
    dated = [
        DatedColumn(made_of=partial(made, column), raw_name=column.name, raw_type=column.hive_type)
        for column in _COLUMNS
    ]
    view = tuple(one.column for one in dated)
    compare = Comparison(
        database="shop",
        before=Side(names=_NAMES, day=_DAYS[0], view=view),
        after=Side(names=_NAMES, day=_DAYS[1], view=view),
        columns=pair_columns(dated, dated).compared,
        keys=("id",),
        most_rows=20,
    )
    asked = ", ".join(f"max({column.name})" for column in _COLUMNS)
    scans = [f"SELECT count(*), {asked} FROM (\n{render_select('shop', _NAMES, view, day)}\n)" for day in _DAYS]
    return {"scans": "\nUNION ALL ".join(scans), "diff": render_comparison(compare)}


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--times", default=3, show_default=True)
def main(rows: int, times: int) -> None:
    """Prepare, then ask both in turns."""
    os.environ.update(environment("http://127.0.0.1:9") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    with lake_alone() as lake:
        prepare(lake, rows)
        took: dict[str, list[float]] = {"scans": [], "diff": []}
        scanned: dict[str, int] = {}
        for _ in range(times):
            for name, sql in statements().items():
                answer = lake.athena.run(sql, database="shop")
                took[name].append(answer.milliseconds / 1000)
                scanned[name] = answer.bytes_scanned
                shown = [row[:3] for row in answer.rows]
                click.echo(f"{name}: {took[name][-1]:.2f} s, {answer.bytes_scanned:,} bytes, {shown}")
    ratios = [compared / plain for plain, compared in zip(took["scans"], took["diff"], strict=True)]
    bar("diff_bytes_ratio", scanned["diff"] / scanned["scans"], 1.2, at_most=True)
    bar("diff_time_ratio", statistics.median(ratios), 2.0, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
