"""Reading a PostgreSQL source as RDS does: which tables, which types, frozen content, any legal name."""

from collections.abc import Iterator

import psycopg
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.postgres import PostgresDatabase, copy_statement
from rds_lake.localcloud.rds.parquet import type_mappings


@pytest.fixture
def source(postgres: EmbeddedPostgres) -> Iterator[PostgresDatabase]:
    """An empty database under a name that needs quoting everywhere."""
    postgres.create_database('we"ird %20 größe')
    database = PostgresDatabase(postgres.url("we%22ird%20%2520%20gr%C3%B6%C3%9Fe"))
    yield database
    database.drop()


def run(database: PostgresDatabase, statement: str) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(statement.encode())


def rows(database: PostgresDatabase, name: str) -> list[dict[str, object]]:
    (table,) = [table for table in database.tables() if table.name == name]
    return [row for batch in database.batches(table) for row in batch.to_pylist()]


def test_ordinary_tables_and_leaf_partitions_are_exported_and_nothing_else(source: PostgresDatabase) -> None:
    run(
        source,
        """CREATE TABLE plain (id int); CREATE UNLOGGED TABLE fleeting (id int); CREATE VIEW seen AS SELECT 1 AS one;
        CREATE MATERIALIZED VIEW stored AS SELECT 1 AS one; CREATE SEQUENCE numbers;
        CREATE TABLE parts (id int, k int) PARTITION BY LIST (k); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)""",
    )
    assert [table.name for table in source.tables()] == ["parts_1", "plain"]


def test_names_are_never_sql(source: PostgresDatabase) -> None:
    run(
        source,
        """CREATE TABLE victim (id int); CREATE SCHEMA "s""; drop";
        CREATE TABLE "s""; drop"."x""; DROP TABLE victim; --" ("select" int, "q""c; №" text);
        INSERT INTO "s""; drop"."x""; DROP TABLE victim; --" VALUES (1, 'ü')""",
    )
    assert rows(source, 'x"; DROP TABLE victim; --') == [{"select": 1, 'q"c; №': "ü"}]
    assert "victim" in [table.name for table in source.tables()]


def test_what_rds_exports_as_text_is_the_servers_own_text(source: PostgresDatabase) -> None:
    run(
        source,
        """SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'iso_8601';
        CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
        CREATE TABLE t (n numeric, at timestamptz, d date, i interval, a text[], e mood, p positive, b bytea, f float4[]);
        INSERT INTO t VALUES ('NaN', '2026-01-01 09:00:00+09', '0044-03-15 BC', '1 day 2 hours', '{"a,b",NULL,"q\\"q"}',
            'ok', 7, '\\x00ff', '{0.1}'), (NULL, 'infinity', NULL, NULL, '{}', NULL, NULL, NULL, NULL)""",
    )
    first, second = rows(source, "t")
    assert first == {
        "n": "NaN",
        "at": "2026-01-01 00:00:00+00",
        "d": "0044-03-15 BC",
        "i": "1 day 02:00:00",
        "a": '{"a,b",NULL,"q\\"q"}',
        "e": "ok",
        "p": "7",
        "b": b"\x00\xff",
        "f": "{0.1}",
    }
    assert (second["at"], second["n"]) == ("infinity", None)


def test_a_domain_is_text_in_the_export_and_in_its_mapping(source: PostgresDatabase) -> None:
    run(source, "CREATE DOMAIN positive AS integer; CREATE TABLE t (p positive, i integer)")
    (table,) = source.tables()
    assert [m["expectedExportedType"] for m in type_mappings(table)] == ["binary (UTF8)", "int32"]


def test_types_are_named_in_information_schemas_words(source: PostgresDatabase) -> None:
    run(
        source,
        """CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (a varchar(20), b timestamp(3), c int[], d mood, e numeric(12,2),
        f timestamptz, g char(2))""",
    )
    (table,) = source.tables()
    assert [(c.data_type, c.char_max_length, c.num_precision, c.datetime_precision) for c in table.columns] == [
        ("character varying", 20, None, None),
        ("timestamp without time zone", None, None, 3),
        ("ARRAY", None, None, None),
        ("USER-DEFINED", None, None, None),
        ("numeric", None, 12, None),
        ("timestamp with time zone", None, None, 6),
        ("character", 2, None, None),
    ]


def test_a_snapshot_is_taken_while_others_are_connected_and_keeps_its_content(source: PostgresDatabase) -> None:
    run(source, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    busy = psycopg.connect(source.url)
    busy.execute("SELECT 1")
    frozen = source.freeze("frozen_test")
    busy.close()
    try:
        run(source, "DELETE FROM t")
        assert (len(rows(frozen, "t")), len(rows(source, "t"))) == (1, 0)
    finally:
        frozen.drop()


def test_the_database_called_postgres_can_be_a_source(postgres: EmbeddedPostgres) -> None:
    """The database that docker images make: a session elsewhere takes its snapshot."""
    source = PostgresDatabase(postgres.url("postgres"))
    run(source, "CREATE TABLE public.of_postgres (id int); INSERT INTO of_postgres VALUES (1)")
    try:
        busy = psycopg.connect(source.url)
        frozen = source.freeze("frozen_postgres")
        busy.close()
        try:
            assert [row["id"] for row in rows(frozen, "of_postgres")] == [1]
        finally:
            frozen.drop()
    finally:
        run(source, "DROP TABLE of_postgres")


def test_a_server_without_a_database_called_postgres_is_copied_all_the_same(postgres: EmbeddedPostgres) -> None:
    source = PostgresDatabase(postgres.create_database("lonely"))
    with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
        connection.execute("ALTER DATABASE postgres RENAME TO moved")
    try:
        source.freeze("frozen_lonely").drop()
    finally:
        with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
            connection.execute("ALTER DATABASE moved RENAME TO postgres")


@pytest.mark.parametrize(
    ("version", "end"), [(130022, ""), (140011, ""), (150000, " STRATEGY file_copy"), (180003, " STRATEGY file_copy")]
)
def test_only_servers_that_know_strategies_are_asked_for_one(version: int, end: str) -> None:
    """PostgreSQL 13 and 14: option "strategy" not recognized."""
    assert copy_statement("a", 'b"', version=version).as_string(None) == f'CREATE DATABASE "a" TEMPLATE "b"""{end}'


def test_a_url_without_a_database_is_refused_without_showing_the_password() -> None:
    with pytest.raises(ValueError, match="names no database") as caught:
        PostgresDatabase("postgresql://me:secret@db.example.com:5432")
    assert "secret" not in str(caught.value)


def test_a_url_of_a_unix_socket_keeps_its_form() -> None:
    database = PostgresDatabase("postgresql:///shop?host=/run/postgresql")
    assert database.name == "shop"
    assert database.sibling_url("x") == "postgresql:///x?host=/run/postgresql"
