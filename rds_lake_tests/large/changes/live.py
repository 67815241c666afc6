"""What a live view costs its readers: the same question to the plain view and to the live one, in turns, on the local Athena.

    python -m bench.live                                # 10 million rows, 100,000 changes: some minutes, 2 GB of memory
    python -m bench.live --rows 100000 --changes 1000   # seconds

The changes go through compaction. They are inserts, updates and deletes in equal parts, over three cuts, one of which is inside
the snapshot. The engine is DuckDB: the ratio says how much more work the question is, not how long Athena takes.
"""

from __future__ import annotations

import io
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import date

import click
import pyarrow as pa
import pyarrow.parquet as pq

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.environment import environment
from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.model.streams.event import ChangeEvent
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable, Watermark
from rds_lake.sql.changes.views import render_live
from rds_lake.sql.views import render_view
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction.compact import Compactor
from rds_lake.stages.streams.cuts import forwarded
from rds_lake_tests.large.lake import lake_alone
from rds_lake_tests.stages.streams.simple_capture import event, write_cut

DAY = date(2026, 11, 20)
_FILE_ROWS = 1_000_000
_COLUMNS = {
    "orders": (("id", "bigint"), ("customer", "bigint"), ("note", "string"), ("total", "string")),
    "rds_lake_outbox": (("seq", "bigint"),),
    "rds_lake_position": (("cut", "bigint"), ("epoch", "string")),
}
_WORDS = {"total": "numeric"}
_BAR = 2.0


def names(view: str) -> AthenaTable:
    target = TableTarget(database="shop", schema="public", table=view)
    return AthenaTable(target=target, view=view, columns=tuple((name, name) for name, _ in _COLUMNS[view]))


ORDERS = ChangedTable(
    names=names("orders"),
    key=("id",),
    columns=tuple(
        ChangedColumn(
            column=Column(name=name, hive_type=kind, original_type=_WORDS.get(name, "text"), num_precision=12),
            alias=name,
        )
        for name, kind in _COLUMNS["orders"]
    ),
)


def rows_of(first: int, count: int) -> pa.Table:
    """Orders by ascending id, as an export has them."""
    ids = range(first, first + count)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "customer": pa.array((number // 7 for number in ids), pa.int64()),
            "note": pa.array((f"{number:n>24}" for number in ids), pa.string()),
            "total": pa.array((f"{number}.25" for number in ids), pa.string()),
        }
    )


def put_table(lake: Lake, view: str, files: Iterator[pa.Table]) -> None:
    """A raw table with one partition of these files."""
    columns = tuple((name, kind, "") for name, kind in _COLUMNS[view])
    folder = f"bench/{view}/"
    for number, table in enumerate(files):
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="gzip")
        lake.s3.put_bytes("acme-lake", f"{folder}{number:05}.parquet", buffer.getvalue(), kms_key=None)
    location = f"s3://acme-lake/{folder}"
    spec = TableSpec(
        name=f"snapshots_{view}",
        columns=columns,
        partition_keys=(("snapshot_date", "string"),),
        location=location,
        description="",
    )
    lake.glue.create_table("shop", spec)
    partition = PartitionSpec(values=(DAY.isoformat(),), location=location, columns=columns)
    lake.glue.create_partitions("shop", spec.name, [partition])


def changes(rows: int, count: int) -> list[ChangeEvent]:
    """Inserts, updates and deletes in equal parts, each of another row."""
    rnd = random.Random(7)
    chosen = rnd.sample(range(rows), count)
    made: list[ChangeEvent] = []
    for seq, key in enumerate(chosen, start=1):
        op = "IUD"[seq % 3]
        image = {"id": str(rows + seq if op == "I" else key), "customer": "1", "note": "changed", "total": "1.5"}
        made.append(event(seq, op, None if op == "I" else image, None if op == "D" else image))
    return made


def prepare(lake: Lake, rows: int, count: int) -> Watermark:
    """The raw tables, and the compacted changes."""
    lake.glue.ensure_database("shop", description="")
    put_table(lake, "orders", (rows_of(at, min(_FILE_ROWS, rows - at)) for at in range(0, rows, _FILE_ROWS)))
    put_table(lake, "rds_lake_outbox", iter([pa.table({"seq": pa.array([1, 2, 3], pa.int64())})]))
    put_table(lake, "rds_lake_position", iter([pa.table({"cut": pa.array([1], pa.int64()), "epoch": ["e"]})]))
    captured = CapturedTable(
        target=ORDERS.names.target,
        columns=tuple(CapturedColumn(name=name, type="text") for name, _ in _COLUMNS["orders"]),
        key=("id",),
    )
    made = changes(rows, count)
    parts = [made[: count // 10], made[count // 10 : count // 2], made[count // 2 :]]
    for number, part in enumerate(parts, start=1):
        write_cut(lake, "e", number, [(captured, part)])
    compactor = Compactor(lake=lake, source="shop", log=click.echo)
    final = forwarded(lake, "shop")[0].epochs[0]
    began = time.perf_counter()
    done = compactor.compact(final, compactor.versioned([ORDERS]))
    assert done.rows == count, done
    click.echo(f"{count:,} changes compacted in {time.perf_counter() - began:.1f} s")
    return Watermark(day=DAY, epoch="e", cut=1, position=names("rds_lake_position"), outbox=names("rds_lake_outbox"))


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--changes", "count", default=100_000, show_default=True)
@click.option("--times", default=5, show_default=True)
def main(rows: int, count: int, times: int) -> None:
    """Prepare, then ask both in turns."""
    os.environ.update(environment("http://127.0.0.1:9") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    with lake_alone() as lake:
        mark = prepare(lake, rows, count)
        lake.athena.run(
            render_view("shop", ORDERS.names, [column.typed() for column in ORDERS.columns], DAY), database="shop"
        )
        lake.athena.run(render_live("shop", ORDERS, mark, 3), database="shop")
        question = "SELECT count(*), sum(total), max(note), approx_distinct(customer) FROM {}"
        took: dict[str, list[float]] = {"orders": [], "orders_live": []}
        for _ in range(times):
            for view, seconds in took.items():
                answer = lake.athena.run(question.format(view), database="shop")
                seconds.append(answer.milliseconds / 1000)
                click.echo(f"{view}: {answer.rows[0]} in {seconds[-1]:.2f} s")
    ratios = [live / plain for plain, live in zip(took["orders"], took["orders_live"], strict=True)]
    click.echo(f"plain {statistics.median(took['orders']):.2f} s, live {statistics.median(took['orders_live']):.2f} s")
    bar("live_view_ratio", statistics.median(ratios), _BAR, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
