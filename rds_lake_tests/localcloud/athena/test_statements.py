"""Statements do what they say or fail; none succeeds without having been carried out."""

from typing import Any

import pyarrow as pa
import pytest

from rds_lake_tests.localcloud.athena.conftest import FailedError, Lake


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM missing", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.missing' does not exist"),
        ("SELECT * FROM nowhere.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"),
        ("SELEC 1", "SYNTAX_ERROR"),
        ("SELECT FROM WHERE", "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed"),
        ("SELECT 1; DROP TABLE t", "Only one sql statement is allowed"),
        ("MERGE INTO t USING u ON 1 = 1 WHEN MATCHED THEN DELETE", "NOT_SUPPORTED"),
        ("VACUUM t", "NOT_SUPPORTED"),
        ("OPTIMIZE t REWRITE DATA", "NOT_SUPPORTED"),
        ("EXPLAIN SELECT 1", "NOT_SUPPORTED"),
        ("DELETE FROM t", "NOT_SUPPORTED"),
        ("UPDATE t SET a = 1", "NOT_SUPPORTED"),
        ("ALTER TABLE t ADD COLUMNS (b int)", "NOT_SUPPORTED"),
        ("SHOW TBLPROPERTIES t", "NOT_SUPPORTED"),
        ("GRANT SELECT ON t TO u", "NOT_SUPPORTED"),
        ("SHOW TABLES IN nowhere", "Database does not exist"),
        ("DROP TABLE missing", "TABLE_NOT_FOUND"),
        ("DROP DATABASE missing", "Database does not exist"),
        ("CREATE EXTERNAL TABLE x (a int) STORED AS TEXTFILE LOCATION 's3://lake/x/'", "NOT_SUPPORTED"),
        ("CREATE EXTERNAL TABLE x (a int) STORED AS PARQUET", "needs a LOCATION"),
        ("EXECUTE missing", "PreparedStatement missing was not found"),
        ("SELECT ?", "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 1 but found 0"),
    ],
)
def test_what_cannot_be_done_fails_in_athenas_words(lake: Lake, sql: str, words: str) -> None:
    with pytest.raises(FailedError) as caught:
        lake.run(sql)
    assert words in str(caught.value)
    error = caught.value.execution["Status"]["AthenaError"]
    assert (error["ErrorCategory"], error["Retryable"], error["ErrorMessage"]) == (2, False, str(caught.value))


def test_tables_and_databases_are_made_and_dropped(lake: Lake) -> None:
    lake.put("ext/d=1/f.parquet", id=pa.array([1], pa.int64()), größe=pa.array(["x"]))
    lake.run("CREATE DATABASE IF NOT EXISTS other")
    lake.run("CREATE SCHEMA IF NOT EXISTS other")
    create = (
        "CREATE EXTERNAL TABLE IF NOT EXISTS `other`.`ext` (`id` bigint COMMENT 'key', `größe` string, "
        "m decimal(12,2), a array<struct<x:int,y:string>>)\n"
        "PARTITIONED BY (`d` string) STORED AS PARQUET LOCATION 's3://lake/ext/'"
    )
    lake.run(f"-- made by a test\n{create};")
    lake.run(create)
    table = lake.client("glue").get_table(DatabaseName="other", Name="ext")["Table"]
    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert columns == {
        "id": "bigint",
        "größe": "string",
        "m": "decimal(12,2)",
        "a": "array<struct<x:int,y:string>>",
    }
    assert lake.run("DESCRIBE other.ext")[0][0].split() == ["id", "bigint", "key"]  # type: ignore[union-attr]
    assert lake.run("SHOW COLUMNS IN ext IN other")[-1] == ("d",)
    assert lake.run("SHOW TABLES IN `other` 'e*'") == [("ext",)]
    assert lake.run("SHOW TABLES IN other 'x*'") == []
    assert lake.run("SHOW DATABASES") == [("db",), ("other",)]
    written = "\n".join(row[0] or "" for row in lake.run("SHOW CREATE TABLE other.ext"))
    lake.run("DROP TABLE other.ext")
    lake.run(written, QueryExecutionContext={"Database": "other"})
    again = lake.client("glue").get_table(DatabaseName="other", Name="ext")["Table"]
    assert [again[part] for part in ("PartitionKeys",)] == [table[part] for part in ("PartitionKeys",)]
    assert "is not empty" in lake.refusal("DROP DATABASE other")
    lake.run("DROP DATABASE other CASCADE")
    lake.run("DROP DATABASE IF EXISTS other")
    lake.run("DROP TABLE IF EXISTS ext")
    assert lake.run("SHOW DATABASES") == [("db",)]


def test_properties_are_set_beside_those_that_are_there(lake: Lake) -> None:
    lake.run("CREATE EXTERNAL TABLE t (a int) STORED AS PARQUET LOCATION 's3://lake/t/'")
    lake.run("ALTER TABLE `db`.`t` SET TBLPROPERTIES ('classification' = 'parquet', 'made by'='dbt, of (its) own')")
    parameters = lake.client("glue").get_table(DatabaseName="db", Name="t")["Table"]["Parameters"]
    assert parameters["made by"] == "dbt, of (its) own"
    assert parameters["EXTERNAL"] == "TRUE"
    assert "cannot recognize" in lake.refusal("ALTER TABLE t SET TBLPROPERTIES (a = b)")


def test_partitions_are_added_dropped_and_repaired(lake: Lake) -> None:
    for day in ("2026-01-01", "2026-01-02", "a%3Ab"):
        lake.put(f"t/day={day}/f.parquet", n=pa.array([1], pa.int64()))
    lake.put("moved/f.parquet", n=pa.array([5], pa.int64()))
    lake.create("t", "n bigint", keys="day string")
    lake.run("ALTER TABLE t ADD PARTITION (day = '2026-01-01') PARTITION (day='x''y') LOCATION 's3://lake/moved/'")
    assert "already exists" in lake.refusal("ALTER TABLE t ADD PARTITION (day = '2026-01-01')")
    lake.run("ALTER TABLE t ADD IF NOT EXISTS PARTITION (day = '2026-01-01')")
    assert lake.run("SELECT day, n FROM t ORDER BY 1") == [("2026-01-01", "1"), ("x'y", "5")]
    assert ("Repair: Added partition to metastore t:day=2026-01-02",) in lake.run("MSCK REPAIR TABLE db.t")
    assert lake.run("SHOW PARTITIONS t") == [(f"day={day}",) for day in ("2026-01-01", "2026-01-02", "a:b", "x'y")]
    assert lake.run("MSCK REPAIR TABLE `t`") == []
    lake.run("ALTER TABLE t DROP IF EXISTS PARTITION (day = 'a:b'), PARTITION (day = 'never')")
    assert "Partition not found" in lake.refusal("ALTER TABLE t DROP PARTITION (day = 'never')")
    assert "must name the keys" in lake.refusal("ALTER TABLE t ADD PARTITION (hour = '1')")
    assert lake.run('SELECT day FROM "t$partitions" ORDER BY 1') == [("2026-01-01",), ("2026-01-02",), ("x'y",)]


def test_rows_are_written_by_ctas_insert_and_unload(lake: Lake) -> None:
    source = "(VALUES (1, CAST('1.50' AS decimal(12,2)), 'a'), (2, NULL, 'b'), (3, CAST('2.00' AS decimal(12,2)), 'a'))"
    lake.run(
        "CREATE TABLE made WITH (format = 'PARQUET', external_location = 's3://lake/made/', partitioned_by = ARRAY['k'], "
        f"parquet_compression = 'SNAPPY') AS SELECT id, m, k FROM {source} AS t(id, m, k)"
    )
    assert lake.run("SHOW PARTITIONS made") == [("k=a",), ("k=b",)]
    assert lake.run("INSERT INTO made SELECT 4, DECIMAL '1.00', 'c'") == [("1",)]
    assert lake.run("INSERT INTO made (k, id) VALUES ('a', 5)") == [("1",)]
    assert lake.run("SELECT id, m, k FROM made ORDER BY id") == [
        *(("1", "1.50", "a"), ("2", None, "b"), ("3", "2.00", "a"), ("4", "1.00", "c"), ("5", None, "a")),
    ]
    as_dbt_writes_it = "table_type='hive', is_external=true, external_location='s3://lake/plain', format='parquet'"
    lake.run(f"CREATE TABLE plain WITH ({as_dbt_writes_it}) AS SELECT sum(id) AS total, current_date AS d FROM made")
    assert lake.run("SELECT total FROM plain") == [("15",)]
    lake.run("CREATE TABLE nothing AS SELECT id FROM made WITH NO DATA")
    assert lake.run("SELECT count(*) FROM nothing") == [("0",)]
    unload = "UNLOAD (SELECT id FROM made WHERE k = 'a') TO 's3://lake/out/' WITH (format = 'PARQUET')"
    assert lake.run(unload) == [("3",)]
    lake.run("CREATE EXTERNAL TABLE back (id int) STORED AS PARQUET LOCATION 's3://lake/out/'")
    assert lake.run("SELECT sum(id) FROM back") == [("9",)]
    assert "HIVE_PATH_ALREADY_EXISTS" in lake.refusal(unload)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x WITH (is_external = false) AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a, 2 AS b", "HIVE_COLUMN_ORDER_MISMATCH"),
        ("CREATE TABLE x AS SELECT current_timestamp AS a", "NOT_SUPPORTED: Unsupported Hive type"),
        ("UNLOAD (SELECT 1 AS a) TO 's3://lake/o/' WITH (format = 'ORC')", "NOT_SUPPORTED"),
        ("INSERT INTO missing SELECT 1", "TABLE_NOT_FOUND"),
    ],
)
def test_rows_that_cannot_be_written_leave_nothing(lake: Lake, sql: str, words: str) -> None:
    assert words in lake.refusal(sql)
    assert lake.run("SHOW TABLES") == []


def test_parameters_are_values_and_never_sql(days: Lake) -> None:
    counted = "SELECT count(*) FROM t WHERE day = ? AND n >= ?"
    assert days.run(counted, ExecutionParameters=["'2026-01-01'", "990"]) == [("10",)]
    assert days.run("SELECT ?", ExecutionParameters=["'it''s; DROP TABLE t --'"]) == [("it's; DROP TABLE t --",)]
    days.run(f"PREPARE counting FROM {counted}")
    assert days.run("EXECUTE counting USING '2026-01-01', 0") == [("1000",)]
    assert days.run("EXECUTE counting", ExecutionParameters=["'2026-01-02'", "1999"]) == [("1",)]
    assert "expected 2 but found 1" in days.refusal("EXECUTE counting USING '2026-01-01'")
    days.run("DEALLOCATE PREPARE counting")
    assert "was not found" in days.refusal("EXECUTE counting USING 'a', 1")


def test_the_catalogue_can_be_asked_by_sql_and_by_api(lake: Lake) -> None:
    lake.create("t", "n int", keys="day string")
    lake.run("CREATE VIEW v AS SELECT n FROM t")
    tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'db' ORDER BY 1"
    assert lake.run(tables) == [("t", "BASE TABLE"), ("v", "VIEW")]
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY 1"
    assert lake.run(columns) == [("day", "varchar"), ("n", "integer")]
    athena: Any = lake.client("athena")
    named = {"CatalogName": "AwsDataCatalog", "DatabaseName": "db"}
    listed = athena.list_table_metadata(**named, Expression="t|x.*")["TableMetadataList"]
    assert [(table["Name"], table["PartitionKeys"]) for table in listed] == [("t", [{"Name": "day", "Type": "string"}])]
    assert athena.get_table_metadata(**named, TableName="v")["TableMetadata"]["TableType"] == "VIRTUAL_VIEW"
    with pytest.raises(athena.exceptions.MetadataException):
        athena.get_table_metadata(**named, TableName="missing")
    assert lake.run("SHOW CREATE VIEW v") == [('CREATE VIEW "v" AS',), ("SELECT n FROM t",)]
