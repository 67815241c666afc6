"""A table that several connections bring into PostgreSQL at once: whole or not there, whatever ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import psycopg
import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import PullError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.tables.table import Column
from rds_lake.pull import postgres as postgres_module
from rds_lake.pull.copying import CopyingTogether, Sessions
from rds_lake.pull.engine import Room
from rds_lake.pull.plan import Part, Plan, PulledTable
from rds_lake.pull.postgres import PostgresSchema
from rds_lake.pull.postgres_session import open_session
from rds_lake.pull.run import pull
from rds_lake.pull.target import Loaded
from rds_lake.pull.unfinished import unfinished
from rds_lake.sql.pull.postgres_columns import postgres_column
from rds_lake_tests.support.world import execute

_ROWS = 300_000
_NUMBERS = count()
_COLUMNS = (
    Column(name="id", hive_type="bigint", original_type="bigint"),
    Column(name="note", hive_type="string", original_type="text"),
    Column(name="day", hive_type="string", original_type="date"),
)
_LEFT = "SELECT relname::text FROM pg_class WHERE relname LIKE '\\_rds\\_lake\\_pull\\_%' AND relkind = 'r'"
_ALL = "SELECT count(*), sum(id), count(DISTINCT id), count(day) FROM {}"


class Silent:
    def moved(self, rows: int) -> None: ...
    def loaded(self, table: PulledTable, loaded: Loaded) -> None: ...


class Lake:
    """One table in two files of the local S3, which counts as a big one."""

    def __init__(self, s3: S3Gateway, folder: Path) -> None:
        self.s3, self.folder = s3, folder
        s3.client.create_bucket(Bucket="big")

    def table(self, *, last_day: str = "2026-01-02") -> PulledTable:
        files: list[DataFile] = []
        for first in (0, _ROWS // 2):
            path, last = self.folder / f"{first}.parquet", first + _ROWS // 2
            day = f"CASE WHEN i = {_ROWS - 1} THEN '{last_day}' ELSE '2026-01-01' END"
            select = f"SELECT i AS id, 'note ' || i AS note, {day} AS day FROM range({first}, {last}) t(i)"
            duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
            self.s3.client.upload_file(str(path), "big", path.name)
            files.append(DataFile(key=path.name, bytes=path.stat().st_size, rows=last - first))
        columns = tuple(postgres_column(column, column.name, None) for column in _COLUMNS)
        parts = (Part(bucket="big", files=files),)
        return PulledTable(view="orders", table="shop.public.orders", columns=columns, keys=("id",), parts=parts)

    def pull(self, url: str, table: PulledTable) -> None:
        plan = Plan(source="shop", day=date(2026, 11, 20), export_task="shop-1", tables=(table,))
        target = PostgresSchema(url=url, schema="public", room=Room(scratch=self.folder), parallel=3)
        pull(plan, target, self.s3, scratch=self.folder, parallel=3, progress=Silent())


@pytest.fixture
def lake(cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(postgres_module, "_BIG_BYTES", 0)
    monkeypatch.setattr(postgres_module, "_BATCH_BYTES", 1 << 16)
    return Lake(S3Gateway(cloud.clients.client("s3")), tmp_path)


@pytest.fixture
def target(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database(f"big_{next(_NUMBERS)}")


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_every_row_arrives_once_and_the_table_says_nothing_of_how(lake: Lake, target: str) -> None:
    lake.pull(target, lake.table())
    assert rows(target, _ALL.format("orders")) == [(_ROWS, _ROWS * (_ROWS - 1) // 2, _ROWS, _ROWS)]
    assert rows(target, "SELECT obj_description('orders'::regclass, 'pg_class')") == [(None,)]
    assert rows(target, _LEFT) == []
    lake.pull(target, lake.table())
    assert rows(target, "SELECT row_count FROM _rds_lake_pull") == [(_ROWS,)]


def test_a_value_that_the_server_refuses_in_the_last_row_begins_the_table_again_as_text(
    lake: Lake, target: str
) -> None:
    lake.pull(target, lake.table(last_day="0000-00-00"))
    assert rows(target, _ALL.format("orders")) == [(_ROWS, _ROWS * (_ROWS - 1) // 2, _ROWS, _ROWS)]
    assert rows(target, "SELECT pg_typeof(day)::text, max(day) FROM orders GROUP BY 1") == [("text", "2026-01-01")]
    assert rows(target, _LEFT) == []


def test_a_table_that_cannot_be_finished_is_not_there(lake: Lake, target: str) -> None:
    execute(target, "CREATE TABLE orders (mine integer); CREATE VIEW uses AS SELECT mine FROM orders")
    table = lake.table()
    plan = Plan(source="shop", day=date(2026, 11, 20), export_task="shop-1", tables=(table,))
    schema = PostgresSchema(url=target, schema="public", room=Room(scratch=lake.folder), parallel=3, replace=True)
    with pytest.raises(PullError, match="other objects depend on it"):
        pull(plan, schema, lake.s3, scratch=lake.folder, parallel=3, progress=Silent())
    assert rows(target, _LEFT) == []
    assert rows(target, "SELECT count(*) FROM uses") == [(0,)]


def test_what_a_killed_pull_left_goes_with_the_next_one_and_nothing_else(lake: Lake, target: str) -> None:
    mine = "_rds_lake_pull_0123456789ab"
    execute(target, f"CREATE TABLE {mine} (n integer); COMMENT ON TABLE {mine} IS 'a table that a person made'")
    with (
        pytest.raises(KeyboardInterrupt),
        open_session(target) as session,
        unfinished(session, "public", "_rds_lake_pull_ba9876543210", "id bigint"),
    ):
        session.connection.close()  # the process is gone: nothing of it drops anything
        raise KeyboardInterrupt
    assert len(rows(target, _LEFT)) == 2
    lake.pull(target, lake.table())
    assert rows(target, _LEFT) == [(mine,)]


class _Server:
    """Connections that count what they are given; `refused` ends one."""

    def __init__(self, refused: bytes = b"") -> None:
        self.refused, self.written, self.open, self.most = refused, [], 0, 0
        self.slow = Event()

    @contextmanager
    def connect(self) -> Iterator[Any]:
        server = self
        server.open += 1
        server.most = max(server.most, server.open)

        class Copy:
            def write(self, text: memoryview) -> None:
                server.slow.wait(0.2)
                if bytes(text) == server.refused:
                    raise PullError("the server refused it")
                server.written.append(bytes(text))
                session.rows += 1

        class Session:
            rows = 0

            @contextmanager
            def copy(self, statement: str) -> Iterator[Copy]:
                yield Copy()

        session = Session()
        try:
            yield session
        finally:
            server.open -= 1


def _texts(number: int) -> list[memoryview]:
    return [memoryview(str(at).encode()) for at in range(number)]


def test_connections_that_no_table_uses_help_and_are_given_back() -> None:
    server, sessions = _Server(), Sessions(4)
    with sessions.one(), sessions.one():
        copying = CopyingTogether(statement="COPY", connect=server.connect, sessions=sessions)
        assert copying.copy(iter(_texts(20))) == 20
        assert sorted(server.written) == sorted(map(bytes, _texts(20)))
        assert server.most == 3, "one is another table's"
        assert [sessions.one_more() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("refused", [0, 7, 19])
def test_an_error_of_one_connection_ends_all_of_them(refused: int) -> None:
    server, sessions = _Server(refused=str(refused).encode()), Sessions(3)
    with sessions.one():
        copying = CopyingTogether(statement="COPY", connect=server.connect, sessions=sessions)
        with pytest.raises(PullError, match="the server refused it"):
            copying.copy(iter(_texts(20)))
        assert server.open == 0
        assert [sessions.one_more() for _ in range(3)] == [True, True, False]


def test_an_error_of_the_reader_ends_the_connections() -> None:
    def texts() -> Iterator[memoryview]:
        yield from _texts(5)
        raise PullError("a file is gone")

    server = _Server()
    with pytest.raises(PullError, match="a file is gone"):
        CopyingTogether(statement="COPY", connect=server.connect, sessions=Sessions(3)).copy(texts())
    assert server.open == 0
