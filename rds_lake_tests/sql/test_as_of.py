"""A query as of a date reads its views at that date wherever they are named, or is refused with a sentence."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
import sqlglot

from rds_lake.errors import AsOfError
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.as_of import render_as_of
from rds_lake.sql.view_columns import view_column

DAY = date(2026, 1, 2)


def table(view: str) -> AthenaTable:
    return AthenaTable(target=TableTarget(database="shop", schema="public", table=view), view=view, columns=())


TABLES = [
    (table(view), [view_column(Column(name="id", hive_type="int"), "id")]) for view in ("orders", "lines", "select")
]


def as_of(query: str) -> str:
    return render_as_of(query, "shop", TABLES, DAY)


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Raw tables with ids 1 and 2 at the date, and 100 more at another; the views hold those of the other date."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA shop; SET schema = 'shop'")
        for view in ("orders", "lines", "select"):
            connection.execute(
                f"CREATE TABLE \"snapshots_{view}\" AS SELECT id, '2026-01-02' AS snapshot_date FROM range(1, 3) t(id) "
                "UNION ALL SELECT id, '2026-01-03' FROM range(101, 201) t(id)"
            )
            connection.execute(
                f'CREATE VIEW "{view}" AS SELECT id FROM "snapshots_{view}" WHERE snapshot_date > \'2026-01-02\''
            )
        yield connection


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT count(*) FROM orders", 2),
        ("SELECT count(*) FROM ORDERS", 2),
        ('SELECT count(*) FROM "orders"', 2),
        ("SELECT count(*) FROM shop.orders", 2),
        ('SELECT count(*) FROM "shop" . "orders"', 2),
        ("SELECT count(*) FROM orders AS o WHERE o.id < 50", 2),
        ("SELECT max(orders.id) FROM orders", 2),
        ("SELECT max(Orders.id) FROM shop.Orders", 2),
        ("SELECT count(*) FROM orders o JOIN shop.lines l ON l.id = o.id", 2),
        ("SELECT count(*) FROM orders o, lines l WHERE l.id = o.id", 2),
        ("SELECT count(*) FROM orders LEFT JOIN lines USING (id)", 2),
        ("SELECT count(*) FROM (SELECT id FROM shop.orders) x", 2),
        ("SELECT count(*) FROM orders WHERE id IN (SELECT id FROM lines)", 2),
        ("SELECT (SELECT max(id) FROM lines)", 2),
        ("SELECT sum(n) FROM (SELECT count(*) n FROM orders UNION ALL SELECT count(*) FROM lines) x", 4),
        ("WITH x AS (SELECT * FROM orders) SELECT count(*) FROM x", 2),
        ("WITH orders AS (SELECT id FROM shop.orders WHERE id = 1) SELECT count(*) FROM orders", 1),
        ("WITH orders AS (SELECT id FROM orders WHERE id = 1) SELECT count(*) FROM orders", 1),
        ("WITH a AS (SELECT 7 AS id), b AS (SELECT * FROM a) SELECT id FROM b", 7),
        ("WITH lines AS (SELECT 7 AS id) SELECT (SELECT max(id) FROM lines)", 7),
        ("SELECT (WITH lines AS (SELECT 7 AS id) SELECT id FROM lines) + max(id) FROM lines", 9),
        ('SELECT count(*) FROM "select"', 2),
        ("SELECT length('from orders') + count(*) FROM orders -- from lines\n", 13),
        ("SELECT count(*) /* FROM lines */ FROM /* here */ orders WHERE 'ü日本' <> ''", 2),
        ("SELECT count(*) FROM (orders o JOIN lines l ON l.id = o.id)", 2),
    ],
)
def test_views_are_read_at_the_date_wherever_they_stand(
    database: duckdb.DuckDBPyConnection, query: str, answer: int
) -> None:
    (sql,) = sqlglot.transpile(as_of(query), read="trino", write="duckdb")
    assert database.execute(sql).fetchone() == (answer,)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT count(*) FROM refunds", "refunds is not a view of the source that 2026-01-02 has"),
        ("SELECT count(*) FROM orders JOIN other.orders o2 USING (id)", "other.orders is not a view"),
        ("SELECT count(*) FROM mysql.shop.orders", "mysql.shop.orders is not a view"),
        ("SELECT count(*) FROM snapshots_orders", "snapshots_orders is not a view"),
        ('SELECT * FROM "orders$partitions"', "is not a view"),
        ("SELECT * FROM TABLE(sequence(1, 3))", "is not a view"),
        ("SELECT shop.orders.id FROM shop.orders", "write orders.id, without the database"),
        ("SELECT * FROM orders FOR TIMESTAMP AS OF current_timestamp", "is not a view"),
        ("SELECT * FROM orders WHERE id IN (TABLE lines)", "FROM or JOIN"),
        ("WITH b AS (SELECT * FROM a), a AS (SELECT 1) SELECT * FROM b", "a is not a view"),
        ("EXPLAIN SELECT * FROM orders", "only one SELECT"),
        ("INSERT INTO orders SELECT 1", "only one SELECT"),
        ("SELECT 1 FROM orders; SELECT 2 FROM orders", "only one SELECT"),
        ("DROP TABLE orders", "only one SELECT"),
        ("", "only one SELECT"),
        ("SELECT FROM WHERE", "is not a view|cannot be parsed"),
        ("SELECT 'open FROM orders", "cannot be parsed"),
    ],
)
def test_what_cannot_be_read_as_of_a_date_is_refused_with_the_reason(query: str, reason: str) -> None:
    with pytest.raises(AsOfError, match=reason):
        as_of(query)


def test_all_reasons_are_reported_at_once() -> None:
    with pytest.raises(AsOfError) as caught:
        as_of("SELECT * FROM a JOIN b USING (id) JOIN orders USING (id)")
    assert len(caught.value.problems) == 2


def test_a_query_that_would_become_too_long_for_athena_is_refused_before() -> None:
    wide = [view_column(Column(name=f"c{n}{'x' * 90}", hive_type="int"), f"c{n}") for n in range(1000)]
    query = " UNION ALL ".join(["SELECT count(*) FROM orders"] * 3)
    with pytest.raises(AsOfError, match="262,144"):
        render_as_of(query, "shop", [(table("orders"), wide)], DAY)
