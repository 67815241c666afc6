"""The demo shop: large and odd enough to mean something, and the same every time."""

from rds_lake.localcloud.databases import shop
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.postgres import PostgresDatabase
from rds_lake.localcloud.rds.parquet import skip_reason


def test_the_shop_has_what_makes_exports_hard_and_day_two_differs(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("demo_shop")
    shop.seed(url)
    before = shop.row_counts(url)
    assert len(before) >= 8
    assert sum(before.values()) >= 200_000
    assert {schema for schema, _ in before} == {"public", "sales"}
    assert before["public", "Order Details"] > 0
    assert 0 in before.values(), "an empty table"
    tables = PostgresDatabase(url).tables()
    assert {(table.schema, table.name) for table in tables} == set(before)
    assert [table.name for table in tables if skip_reason(table)] == [], "AWS would export every table"
    types = {column.data_type for table in tables for column in table.columns}
    assert types >= {
        "ARRAY", "USER-DEFINED", "boolean", "bytea", "character", "date", "interval", "jsonb", "numeric", "smallint",
        "time without time zone", "timestamp with time zone", "timestamp without time zone", "uuid",
    }  # fmt: skip
    assert "new orders" in shop.change(url)
    after = shop.row_counts(url)
    assert {name for name in before if before[name] != after[name]} == {
        ("public", "orders"),
        ("public", "Order Details"),
        ("public", "customers"),
        ("public", "events"),
    }
