"""The local Athena reads the tables of its catalogue. No query, view or type makes DuckDB read or show anything else."""

import base64
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.localcloud.athena.locked import end_database, locked_connection
from rds_lake_tests.localcloud.athena.conftest import Lake

SECRET = "the secret of this machine"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no bucket has, as text and as Parquet."""
    (tmp_path / "secret.csv").write_text(f"a\n{SECRET}\n", encoding="utf-8")
    pq.write_table(pa.table({"a": [SECRET]}), tmp_path / "secret.parquet")
    return tmp_path


FOREIGN = [
    "SELECT * FROM read_text('{f}/secret.csv')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_csv('{f}/secret.csv')",
    "SELECT * FROM read_csv_auto('{f}/secret.csv')",
    "SELECT * FROM read_parquet('{f}/secret.parquet')",
    "SELECT * FROM parquet_scan('{f}/secret.parquet')",
    "SELECT * FROM parquet_metadata('{f}/secret.parquet')",
    "SELECT * FROM read_json('{f}/secret.csv')",
    "SELECT * FROM sniff_csv('{f}/secret.csv')",
    "SELECT * FROM glob('{f}/*')",
    "SELECT * FROM '{f}/secret.csv'",
    'SELECT * FROM "{f}/secret.parquet"',
    "FROM '{f}/secret.csv'",
    'SELECT * FROM "{f}/secret.parquet" WHERE 0 IN (WITH "{f}/secret.parquet" AS (SELECT 1 AS a) SELECT a FROM "{f}/secret.parquet")',
    'WITH x AS (SELECT * FROM "{f}/secret.parquet"), "{f}/secret.parquet" AS (SELECT 1 AS a) SELECT * FROM x',
    "SELECT * FROM UNNEST(ARRAY[(SELECT content FROM read_text('{f}/secret.csv'))]) AS t(x)",
    "SELECT * FROM t CROSS JOIN LATERAL read_text('{f}/secret.csv')",
    "SELECT (SELECT max(content) FROM system.main.read_text('{f}/secret.csv'))",
    "SELECT * FROM (TABLE read_text('{f}/secret.csv'))",
    "WITH x AS (SELECT * FROM read_text('{f}/secret.csv')) SELECT * FROM x",
    "SELECT 1 AS a UNION ALL SELECT content FROM read_text('{f}/secret.csv')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT current_setting('temp_directory')",
    "SELECT getenv('PATH')",
    "SELECT \"getenv\"('PATH')",
    "SELECT system.main.getenv('PATH')",
    "SELECT getvariable('x')",
    "SELECT columns('.*') FROM t",
    "SELECT lc_fail('x', 'date')",
    "SELECT error('x')",
    "COPY (SELECT 1) TO '{f}/out.csv'",
    "COPY t FROM '{f}/secret.csv'",
    "ATTACH '{f}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA version",
    "SET threads = 8",
    "EXPORT DATABASE '{f}/out'",
    "CALL pragma_version()",
    "SELECT 1; COPY (SELECT 1) TO '{f}/out.csv'",
    "SELECT 1 AS a -- */ FROM read_text('{f}/secret.csv') /*",
    "CREATE VIEW v AS SELECT * FROM read_text('{f}/secret.csv')",
    "CREATE TABLE made AS SELECT * FROM read_text('{f}/secret.csv')",
    "INSERT INTO t SELECT content, 1 FROM read_text('{f}/secret.csv')",
    "UNLOAD (SELECT * FROM read_text('{f}/secret.csv')) TO 's3://lake/out/' WITH (format = 'PARQUET')",
    "SELECT * FROM lc_bound_1",
]


@pytest.mark.parametrize("sql", FOREIGN)
def test_what_athena_does_not_have_is_refused(lake: Lake, secret: Path, sql: str) -> None:
    lake.create("t", "a string; n bigint")
    query = lake.start(sql.replace("{f}", str(secret)))
    execution = lake.finished(query)
    if "-- */" in sql:  # DuckDB ignores comments
        assert lake.run(sql) == [("1",)]
        return
    assert execution["Status"]["State"] == "FAILED", sql
    assert SECRET not in execution["Status"]["StateChangeReason"]
    assert "GENERIC_INTERNAL_ERROR" not in execution["Status"]["StateChangeReason"]
    assert sorted(path.name for path in secret.iterdir()) == ["secret.csv", "secret.parquet"]


def test_a_refusal_is_worded_as_athenas(lake: Lake) -> None:
    assert lake.refusal("SELECT getenv('PATH')") == "FUNCTION_NOT_FOUND: line 1:8: Function 'getenv' not registered"
    assert "Table function 'read_text' not registered" in lake.refusal("SELECT * FROM read_text('/etc/hostname')")


def test_a_view_written_into_glue_by_hand_is_read_as_athena_reads_it(lake: Lake, secret: Path) -> None:
    sql = f"SELECT content AS a FROM read_text('{secret}/secret.csv')"
    body: dict[str, Any] = {"originalSql": sql, "schema": "db", "columns": [{"name": "a", "type": "varchar"}]}
    text = f"/* Presto View: {base64.b64encode(json.dumps(body).encode()).decode()} */"
    storage = {"Columns": [{"Name": "a", "Type": "string"}], "Location": ""}
    table = {"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text, "StorageDescriptor": storage}
    lake.client("glue").create_table(DatabaseName="db", TableInput=table)
    assert "not registered" in lake.refusal("SELECT * FROM v")


@pytest.mark.parametrize(
    "kind",
    [
        "decimal(3,2)) FROM read_text('/etc/hostname') --",
        "decimal(1,1) AS x, (SELECT max(content) FROM read_text('/etc/hostname')",
        "varchar(1)) --",
        "struct<a\" INTEGER), read_text('/etc/hostname':int>",
        "array<int>) --",
    ],
)
def test_a_type_is_a_type_and_no_sql(lake: Lake, kind: str) -> None:
    lake.create("t", f"a {kind}")
    lake.put("t/f.parquet", a=pa.array([1]))
    host = Path("/etc/hostname").read_text(encoding="utf-8").strip()
    execution = lake.finished(lake.start("SELECT * FROM t"))
    assert execution["Status"]["State"] == "FAILED"
    assert host not in execution["Status"]["StateChangeReason"]


def test_a_with_clause_named_like_a_table_reads_the_table(lake: Lake) -> None:
    """Only WITH RECURSIVE sees itself."""
    lake.create("t", "a string")
    lake.put("t/f.parquet", a=pa.array(["x"]))
    assert lake.run("WITH t AS (SELECT a FROM t) SELECT a || '!' FROM t") == [("x!",)]
    assert lake.run("SELECT a FROM t WHERE a IN (WITH t AS (SELECT 'x' AS a) SELECT a FROM t)") == [("x",)]
    assert lake.run(
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT count(*) FROM t"
    ) == [("3",)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{f}/secret.csv')",
        "SELECT * FROM '{f}/secret.parquet'",
        "SELECT * FROM read_text('{f}/mine/../secret.csv')",
        "COPY (SELECT 1) TO '{f}/out.csv'",
        "ATTACH '{f}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "RESET enable_external_access",
        "SELECT * FROM secret",
    ],
)
def test_duckdb_is_locked_whatever_it_is_asked(secret: Path, sql: str) -> None:
    """The second wall, for queries that pass the first by mistake."""
    folder = secret / "mine"
    folder.mkdir()
    pq.write_table(pa.table({"a": [1]}), folder / "f.parquet")
    connection = locked_connection(folder)
    try:
        assert connection.execute(f"SELECT a FROM read_parquet('{folder}/f.parquet')").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            connection.execute(sql.replace("{f}", str(secret)))
    finally:
        connection.close()
        end_database(folder)
