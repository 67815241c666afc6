"""Very much to load at once: never more statements than a run may have, and a worker whose memory stays.

python -m bench.loads                                  # 5 GB in 50 tables: some minutes
python -m bench.loads --gb 1
python -m bench.loads --tables 800 --gb 0.05           # a run of many small loads: turns, calls, time

The cloud is a process of its own; this one is the worker, which takes turn after turn. Its memory is printed as it goes. The files are
random, the same for each table, and lie in the cloud's S3 (a temporary folder of the size of `--gb`).
"""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy
from rds_lake.model.warehouse.record import PieceState, RunRecord
from rds_lake.stages.warehouse.work.advance import advance
from rds_lake_tests.stages.warehouse.running import BUCKET, Running, plan_of, record_of

_FILE_BYTES = 20_000_000
_WIDTH = 4  # columns of eight bytes, which do not compress
_COLUMNS = tuple(Column(name=f"c{number}", type="bigint") for number in range(_WIDTH))
_PAGE = 4096
_SAID_EVERY = 20  # turns
_COPIES = "select start_time, end_time from sys_query_history where query_type = 'COPY' and status = 'success'"
Json = dict[str, Any]


@dataclass(slots=True)
class Server:
    """What stands for the cloud in the worker: its URL."""

    url: str


@dataclass(slots=True)
class Seen:
    """What the worker did: turns, most statements at once, calls, and its memory after each turn, in MB."""

    turns: int = 0
    most: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)


@click.command()
@click.option("--tables", default=50, show_default=True)
@click.option("--gb", default=5.0, show_default=True, help="Of files, of all tables together.")
@click.option("--parallel", default=4, show_default=True, help="Loads at once.")
@click.option("--grow-mb", default=24.0, show_default=True, help="How much the worker may grow after its first tenth.")
def main(tables: int, gb: float, parallel: int, grow_mb: float) -> None:
    """Load them all, and look at the worker."""
    size = int(gb * 1e9 / tables)
    with _cloud(tables, size) as url:
        os.environ |= environment(url)
        running = Running(cloud=Server(url))  # type: ignore[arg-type]
        record = record_of(plan_of(*(_load(f"t{number:03}") for number in range(tables))))
        seen, began = Seen(), time.perf_counter()
        record = _work(running, record, parallel, seen)
        seconds = time.perf_counter() - began
        _say(running, record, seen, seconds, parallel, gb)
    flat = seen.memory[len(seen.memory) // 10 :]
    bar("loads_done", sum(piece.state is PieceState.DONE for piece in record.pieces), tables)
    bar("most_loads_at_once", seen.most, parallel, at_most=True)
    bar("worker_grows_mb", round(max(flat) - flat[0], 1), grow_mb, at_most=True)
    exit_by_bars()


def _load(name: str) -> Load:
    files = Files(uris=(f"s3://{BUCKET}/in/{name}/",), format=FileFormat.PARQUET, columns=_COLUMNS)
    return Load(name=name, origin=files, by=LoadBy.COPY)


def _work(running: Running, record: RunRecord, parallel: int, seen: Seen) -> RunRecord:
    counted = running.client("redshift-data"), running.client("s3")
    for client in counted:
        client.meta.events.register("before-call.*.*", lambda model, **_: seen.calls.update([model.name]))
    began = time.perf_counter()
    while not all(piece.has_ended for piece in record.pieces):
        record = advance(record, running.target, running.context(parallel=parallel))
        at_once = sum(piece.state is PieceState.RUNNING for piece in record.pieces)
        seen.most, seen.turns = max(seen.most, at_once), seen.turns + 1
        seen.memory.append(_rss())
        if seen.turns % _SAID_EVERY == 1:
            done = sum(piece.has_ended for piece in record.pieces)
            print(f"  {time.perf_counter() - began:5.0f} s: {done} done, {seen.memory[-1]:.1f} MB", flush=True)
    return record


def _say(running: Running, record: RunRecord, seen: Seen, seconds: float, parallel: int, gb: float) -> None:
    for piece in [each for each in record.pieces if each.error][:3]:
        print(f"  {piece.name}: {piece.error}")
    rows = sum(piece.rows or 0 for piece in record.pieces)
    most = ", ".join(f"{name} {count:,}" for name, count in seen.calls.most_common(5))
    print(f"{len(record.pieces)} tables, {gb:g} GB, {rows:,} rows in {seconds:.0f} s: {seen.turns:,} turns, "
          f"{sum(seen.calls.values()):,} calls ({most})")  # fmt: skip
    copies = running.rows(_COPIES)
    bar("most_copies_at_once_in_redshift", _overlap(copies), parallel, at_most=True)


def _overlap(spans: list[tuple[Any, ...]]) -> int:
    """The most that ran at one moment."""
    moments = [(_moment(begin), 1) for begin, _ in spans] + [(_moment(end), -1) for _, end in spans]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rss() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6


@contextmanager
def _cloud(tables: int, size: int) -> Iterator[str]:
    """The URL of a cloud in another process, with the files in its S3."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, tables, size))
    process.start()
    there.close()  # so that its end is seen here
    try:
        yield here.recv()
    finally:
        here.close()
        process.join()


def _serve(worker: Connection, tables: int, size: int) -> None:
    with LocalCloud({}) as cloud:
        os.environ |= environment(cloud.url)
        Running(cloud=cloud).prepare()
        s3 = cloud.clients.client("s3")
        body = _file(min(size, _FILE_BYTES))
        for number in range(tables):
            for part in range(max(1, round(size / _FILE_BYTES))):
                s3.put_object(Bucket=BUCKET, Key=f"in/t{number:03}/{part:03}.parquet", Body=body)
        worker.send(cloud.url)
        with suppress(EOFError):  # the worker has ended
            worker.recv()


def _file(size: int) -> bytes:
    """A Parquet file of about so many bytes."""
    rows = max(1, size // (8 * _WIDTH))
    dice = Random(1)
    drawn = [pa.py_buffer(dice.randbytes(8 * rows)) for _ in _COLUMNS]
    numbers = [pa.Array.from_buffers(pa.int64(), rows, [None, each]) for each in drawn]
    table = pa.table(numbers, names=[column.name for column in _COLUMNS])
    written = io.BytesIO()
    pq.write_table(table, written, compression="none", use_dictionary=False)
    return written.getvalue()


if __name__ == "__main__":
    main()
