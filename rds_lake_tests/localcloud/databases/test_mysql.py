"""Reading a MySQL source as RDS does: which tables, which types, any legal name."""

from decimal import Decimal
from urllib.parse import quote

import pyarrow as pa
import pymysql
import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.mysql import MySqlDatabase
from rds_lake.localcloud.rds.parquet import type_mappings
from rds_lake_tests.localcloud.conftest import MYSQL_NAME
from rds_lake_tests.support.world import execute_mysql


def rows(database: MySqlDatabase, name: str) -> list[dict[str, object]]:
    (table,) = [table for table in database.tables() if table.name == name]
    return [row for batch in database.batches(table) for row in batch.to_pylist()]


def test_a_server_says_itself_which_engine_it_is(mysql_source: MySqlDatabase) -> None:
    assert mysql_source.engine == "mariadb"


def test_base_tables_are_exported_and_nothing_else(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE plain (id int)",
        "CREATE VIEW seen AS SELECT 1 AS one",
        "CREATE SEQUENCE numbers",
        "CREATE TEMPORARY TABLE fleeting (id int)",
        "CREATE TABLE with_history (id int) WITH SYSTEM VERSIONING",
        "CREATE TABLE parts (id int) PARTITION BY HASH (id) PARTITIONS 3",
    )
    assert [table.name for table in mysql_source.tables()] == ["parts", "plain", "with_history"]


def test_tables_whose_names_differ_only_in_case_are_two_tables(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE Test (id int)",
        "CREATE TABLE test (id int, v int)",
        "CREATE TABLE TEST (v int, w int, id int)",
        "CREATE SEQUENCE numbers",
        "INSERT INTO Test VALUES (1)",
        "INSERT INTO test VALUES (2, 3)",
    )
    assert {table.name: [column.name for column in table.columns] for table in mysql_source.tables()} == {
        "TEST": ["v", "w", "id"],
        "Test": ["id"],
        "test": ["id", "v"],
    }
    frozen = mysql_source.freeze("frozen_twins")
    try:
        assert (rows(frozen, "Test"), rows(frozen, "test")) == ([{"id": 1}], [{"id": 2, "v": 3}])
    finally:
        frozen.drop()


def test_a_database_whose_name_differs_only_in_case_is_another_one(
    mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb
) -> None:
    other = MySqlDatabase(mariadb.create_database(MYSQL_NAME.upper()))
    execute_mysql(other.url, "CREATE TABLE theirs (id int)")
    execute_mysql(mysql_source.url, "CREATE TABLE ours (id int)")
    try:
        assert [table.name for table in mysql_source.tables()] == ["ours"]
    finally:
        other.drop()


def test_names_are_never_sql(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE victim (id int)",
        "CREATE TABLE `x``; DROP TABLE victim; -- %s` (`select` int, `q``c; №` text)",
        "INSERT INTO `x``; DROP TABLE victim; -- %s` VALUES (1, 'ü')",
    )
    frozen = mysql_source.freeze("frozen_names")
    try:
        for database in (mysql_source, frozen):
            assert rows(database, "x`; DROP TABLE victim; -- %s") == [{"select": 1, "q`c; №": "ü"}]
            assert "victim" in [table.name for table in database.tables()]
    finally:
        frozen.drop()


def test_the_servers_time_zone_and_modes_change_no_value(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "SET time_zone = '+09:00'",
        "CREATE TABLE t (at timestamp(6) NULL, day datetime, c char(4), f float, latin varchar(5) CHARACTER SET latin1)",
        "INSERT INTO t VALUES ('2026-01-01 09:00:00.5', '2026-01-01 09:00:00', 'ab', 16777217, 'größe')",
    )
    execute_mysql(
        mysql_source.url,
        "SET GLOBAL time_zone = '+05:00'",
        "SET GLOBAL sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES'",
    )
    try:
        (row,) = rows(mysql_source, "t")
    finally:
        execute_mysql(mysql_source.url, "SET GLOBAL time_zone = '+00:00'", "SET GLOBAL sql_mode = DEFAULT")
    assert [str(value) for value in row.values()] == [
        "2026-01-01 00:00:00.500000+00:00",
        "2026-01-01 09:00:00+00:00",
        "ab",
        "16777216.0",
        "größe",
    ]


def test_types_are_named_in_information_schemas_words(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE t (a varchar(20), b timestamp(3) NULL, c enum('x'), d decimal(12, 2), e bit(5), f int unsigned, g bigint)",
    )
    (table,) = mysql_source.tables()
    described = [(c.data_type, c.char_max_length, c.num_precision, c.datetime_precision) for c in table.columns]
    assert described == [
        ("varchar", 20, None, None),
        ("timestamp", None, None, 3),
        ("enum", 1, None, None),
        ("decimal", None, 12, None),
        ("bit", None, 5, None),
        ("int", None, 10, None),
        ("bigint", None, 19, None),
    ]


def test_a_large_table_comes_in_batches_and_wide_rows_in_smaller_ones(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE narrow (id int)",
        "INSERT INTO narrow SELECT seq FROM seq_1_to_25000",
        "CREATE TABLE wide (body longblob)",
        "INSERT INTO wide SELECT REPEAT('x', 5000000) FROM seq_1_to_7",
        "CREATE TABLE nothing (id int)",
    )
    sizes = {table.name: [batch.num_rows for batch in mysql_source.batches(table)] for table in mysql_source.tables()}
    assert sizes == {"narrow": [10_000, 10_000, 5_000], "wide": [4, 3], "nothing": []}


def test_rows_are_sent_as_they_are_read_and_never_all_at_once(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE wide (body longblob)",
        "INSERT INTO wide SELECT REPEAT('x', 5000000) FROM seq_1_to_20",
    )
    batches = mysql_source.batches(mysql_source.tables()[0])
    next(batches)
    ((running,),) = execute_mysql(
        mysql_source.url,
        "SELECT count(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND INFO LIKE '%`wide`'",
    )
    assert running == 1, "the server waits for its reader"
    assert sum(batch.num_rows for batch in batches) == 16


def test_a_reader_that_stops_early_leaves_no_connection(mysql_source: MySqlDatabase) -> None:
    execute_mysql(mysql_source.url, "CREATE TABLE t (id int)", "INSERT INTO t SELECT seq FROM seq_1_to_25000")
    (table,) = mysql_source.tables()
    batches = mysql_source.batches(table)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    ((count,),) = execute_mysql(
        mysql_source.url, "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'rds'"
    )
    assert count == 1, "only the one that counts"


def test_a_decimal_is_stored_as_spark_stores_it(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE t (a decimal(9, 2), b decimal(18, 0), c decimal(19, 4), d decimal(38, 10), e decimal(39, 1), "
        "f bigint unsigned, g int unsigned, h tinyint unsigned)",
    )
    (table,) = mysql_source.tables()
    assert [mapping["expectedExportedType"] for mapping in type_mappings(table)] == [
        "int32 (DECIMAL(9,2))",
        "int64 (DECIMAL(18,0))",
        "fixed_len_byte_array(9) (DECIMAL(19,4))",
        "fixed_len_byte_array(16) (DECIMAL(38,10))",
        "binary (UTF8)",
        "fixed_len_byte_array(9) (DECIMAL(20,0))",
        "int64",
        "int32 (INT_16)",
    ]


def test_geometry_is_the_srid_and_well_known_binary(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE t (p point)",
        "INSERT INTO t VALUES (ST_PointFromText('POINT(1 2)', 4326)), (NULL)",
    )
    ((internal, plain),) = execute_mysql(mysql_source.url, "SELECT p, ST_AsWKB(p) FROM t WHERE p IS NOT NULL")
    first, second = rows(mysql_source, "t")
    assert first["p"] == internal == (4326).to_bytes(4, "little") + plain
    assert second["p"] is None


def test_numbers_of_any_spelling_are_numbers(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE t (a int(5) zerofill, b decimal(8, 2) zerofill, c double, d float, e year)",
        "INSERT INTO t VALUES (7, 1.5, -1.7976931348623157e308, -0.0, '0000')",
    )
    (table,) = mysql_source.tables()
    assert table.columns[0].arrow == pa.int64(), "ZEROFILL is unsigned"
    assert list(rows(mysql_source, "t")[0].values()) == [7, Decimal("1.50"), -1.7976931348623157e308, 0.0, 0]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://me:secret@db.example.com:3306", "names no database"),
        ("mysql://me:secret@db.example.com/shop?ssl=yes", "options rds-lake does not know: ssl"),
    ],
)
def test_a_url_that_does_not_work_out_is_refused_without_showing_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        MySqlDatabase(url)
    assert "secret" not in str(caught.value)


def test_a_wrong_password_is_not_shown(mariadb: EmbeddedMariaDb) -> None:
    port = mariadb.url("x").rsplit(":", 1)[1].split("/")[0]
    with pytest.raises(pymysql.err.OperationalError, match="Access denied") as caught:
        MySqlDatabase(f"mysql://rds:hunter2@127.0.0.1:{port}/shop").tables()
    assert "hunter2" not in str(caught.value)


def test_a_url_keeps_its_user_and_options_for_a_copy() -> None:
    database = MySqlDatabase("mysql://me:p%40ss@/shop%2Feu?unix_socket=/run/mysqld/mysqld.sock")
    assert database.name == "shop/eu"
    assert (
        database.sibling_url("a/b") == f"mysql://me:p%40ss@/{quote('a/b', safe='')}?unix_socket=/run/mysqld/mysqld.sock"
    )


def test_a_server_is_reached_through_its_socket(mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb) -> None:
    ((socket,),) = execute_mysql(mysql_source.url, "SELECT @@socket")
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE t (id int)",
        "CREATE OR REPLACE USER local@localhost IDENTIFIED BY 'a b'",
        "GRANT ALL ON *.* TO local@localhost",
    )
    database = MySqlDatabase(f"mysql://local:a%20b@/{quote(MYSQL_NAME, safe='')}?unix_socket={socket}")
    assert [table.name for table in database.tables()] == ["t"]
