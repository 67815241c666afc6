"""A table of the lake into PostgreSQL: `rds-lake pull`'s way against psycopg's COPY of text that is built in Python.

    python -m bench.pull --rows 1000000

Both read the same Parquet files, as RDS exports them, and fill the same table of the same server, each in a process of its own;
the rows are compared afterwards. Seconds of the whole process, and the most memory it had; a DuckDB file besides. The exit code
is 1 when pull is not three times as fast, or takes more than 500 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow.parquet as pq

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.tables.table import Column
from rds_lake.pull.duckdb_file import DuckDbFile
from rds_lake.pull.engine import Room
from rds_lake.pull.plan import Part, Plan, PulledTable
from rds_lake.pull.postgres import PostgresSchema
from rds_lake.pull.run import pull
from rds_lake.pull.target import Loaded, Target

_LEAST_FASTER, _MOST_MEGABYTES = 3.0, 500
_FILE_ROWS = 1_000_000
_PARALLEL = 4  # as the command has it by default
_ORDERS = """
SELECT i AS id, CAST(i % 100000 AS INTEGER) AS customer, CAST(CAST(i % 1000000 * 0.01 AS DECIMAL(12,2)) AS VARCHAR) AS total,
  strftime(TIMESTAMP '2026-01-01' + to_seconds(i), '%Y-%m-%d %H:%M:%S') || '.25+00' AS placed_at,
  i * 0.37 AS weight, i % 3 = 0 AS paid, 'order number ' || i AS note, md5(CAST(i AS VARCHAR)) AS token,
  CASE WHEN i % 10 = 0 THEN NULL ELSE 'C:\\dir' || chr(9) || (i % 7) END AS path
FROM range({first}, {last}) t(i)
"""
_COLUMNS = (
    Column(name="id", hive_type="bigint", original_type="bigint"),
    Column(name="customer", hive_type="int", original_type="integer"),
    Column(name="total", hive_type="string", original_type="numeric", num_precision=12),
    Column(name="placed_at", hive_type="string", original_type="timestamp with time zone"),
    Column(name="weight", hive_type="double", original_type="double precision"),
    Column(name="paid", hive_type="boolean", original_type="boolean"),
    Column(name="note", hive_type="string", original_type="text"),
    Column(name="token", hive_type="string", original_type="character varying", char_max_length=40),
    Column(name="path", hive_type="string", original_type="text"),
)
_TABLE = (
    "id bigint, customer integer, total numeric, placed_at timestamp with time zone, weight double precision, paid boolean, "
    "note text, token character varying(40), path text"
)


class FilesAsObjects:
    """The one call of S3 that a pull makes, answered from a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: ARG002 - boto3's names
        path = self._folder / Key
        return {"Body": path.open("rb"), "ContentLength": path.stat().st_size, "ETag": '"1"'}


class Silent:
    def moved(self, rows: int) -> None: ...
    def loaded(self, table: PulledTable, loaded: Loaded) -> None: ...


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-pull-") as place, EmbeddedPostgres() as server:
        folder = Path(place)
        _write_files(folder, rows)
        ours, theirs = server.create_database("ours"), server.create_database("theirs")
        file = str(folder / "orders.duckdb")
        python_seconds, python_mb = _measured(_copy_from_python, folder, theirs)
        pull_seconds, pull_mb = _measured(_pull_to_postgres, folder, ours)
        file_seconds, file_mb = _measured(_pull_to_duckdb, folder, file)
        same = _digest(ours) == _digest(theirs)
    faster = python_seconds / pull_seconds
    print(f"{rows:,} rows of {len(_COLUMNS)} columns")
    print(f"COPY of text built in Python   {python_seconds:7.1f} s  {python_mb:6.0f} MB")
    print(f"rds-lake pull, PostgreSQL      {pull_seconds:7.1f} s  {pull_mb:6.0f} MB   {faster:.1f} times as fast")
    print(f"rds-lake pull, DuckDB file     {file_seconds:7.1f} s  {file_mb:6.0f} MB")
    print(f"the same rows in both databases: {same}")
    return 0 if same and faster >= _LEAST_FASTER and pull_mb <= _MOST_MEGABYTES else 1


def _write_files(folder: Path, rows: int) -> None:
    with duckdb.connect() as connection:
        for number, first in enumerate(range(0, rows, _FILE_ROWS)):
            query = _ORDERS.format(first=first, last=min(rows, first + _FILE_ROWS))
            connection.execute(f"COPY ({query}) TO '{folder}/{number}.parquet' (FORMAT parquet, COMPRESSION gzip)")


def _measured(work: Callable[[Path, str], None], folder: Path, target: str) -> tuple[float, float]:
    """Seconds and megabytes of a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_timed, (work, folder, target))


def _timed(work: Callable[[Path, str], None], folder: Path, target: str) -> tuple[float, float]:
    begun = time.monotonic()
    work(folder, target)
    return time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _copy_from_python(folder: Path, url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE orders ({_TABLE})".encode())
        with cursor.copy("COPY orders FROM STDIN WITH (FREEZE)") as copy:
            for path in sorted(folder.glob("*.parquet")):
                for batch in pq.ParquetFile(path).iter_batches(10_000):
                    columns = [column.to_pylist() for column in batch.columns]
                    copy.write("".join(map(_line, zip(*columns, strict=True))))


def _line(row: tuple[Any, ...]) -> str:
    return "\t".join(map(_field, row)) + "\n"


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return str(value)


def _pull_to_postgres(folder: Path, url: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        room = Room(scratch=Path(scratch))
        _pull(folder, PostgresSchema(url=url, schema="public", room=room, parallel=_PARALLEL), Path(scratch))


def _pull_to_duckdb(folder: Path, path: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _pull(folder, DuckDbFile(path=Path(path), room=Room(scratch=Path(scratch))), Path(scratch))


def _pull(folder: Path, target: Target, scratch: Path) -> None:
    files = [
        DataFile(key=path.name, bytes=path.stat().st_size, rows=pq.read_metadata(path).num_rows)
        for path in sorted(folder.glob("*.parquet"))
    ]
    columns = tuple(target.make_column(column, column.name, None) for column in _COLUMNS)
    table = PulledTable(
        view="orders", table="shop.public.orders", columns=columns, keys=(), parts=(Part(bucket="b", files=files),)
    )
    plan = Plan(source="shop", day=date(2026, 11, 20), export_task="shop-1", tables=(table,))
    s3: Any = FilesAsObjects(folder)
    pull(plan, target, S3Gateway(s3), scratch=scratch, parallel=_PARALLEL, progress=Silent())


def _digest(url: str) -> Any:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM orders AS t"
        ).fetchall()


if __name__ == "__main__":
    sys.exit(main())
