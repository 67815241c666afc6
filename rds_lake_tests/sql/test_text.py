"""SQL text: nothing a name or value holds can become SQL, and views say what they should."""

from datetime import date

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from rds_lake.errors import CatalogError
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.types import parse_presto_type
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.sql.views import render_quality_queries, render_view
from rds_lake_tests.support import strategies

DAY = date(2026, 11, 20)


def names(view: str = "orders", key: str = "snapshot_date") -> AthenaTable:
    target = TableTarget(database="shop", schema="public", table="orders")
    return AthenaTable(target=target, view=view, columns=(), partition_key=key)


@given(strategies.identifiers)
def test_an_identifier_of_any_name_is_read_as_that_name_and_nothing_more(name: str) -> None:
    tree = sqlglot.parse_one(f"SELECT {identifier(name)} FROM t", read="athena")
    (column,) = tree.find_all(exp.Column)
    assert column.name == name
    assert len(tree.expressions) == 1


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=30))
def test_a_literal_of_any_text_is_that_text_when_executed(text: str) -> None:
    row = duckdb.connect().execute(f"SELECT {literal(text)}").fetchone()
    assert row == (text,)


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_cannot_be_an_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        identifier(name)


@given(view=strategies.identifiers, column=strategies.identifiers, alias=strategies.identifiers)
def test_a_view_over_any_names_is_one_statement_that_reads_one_literal_partition(
    view: str, column: str, alias: str
) -> None:
    columns = [view_column(Column(name=column, hive_type="string", original_type="numeric"), alias)]
    sql = render_view("shop", names(view), columns, DAY)
    (tree,) = sqlglot.parse(sql, read="athena")
    assert isinstance(tree, exp.Create)
    assert tree.this.name == view
    select = tree.expression
    assert [e.alias for e in select.expressions] == [alias, "snapshot_date"]
    assert not list(select.find_all(exp.Star, exp.Subquery))
    assert select.args["where"].this.sql("athena") == "\"snapshot_date\" = '2026-11-20'"


def test_a_view_lists_its_columns_and_its_date() -> None:
    columns = [
        view_column(Column(name="id", hive_type="bigint", original_type="bigint"), "id"),
        view_column(Column(name="Total", hive_type="string", original_type="numeric", num_precision=12), "total"),
    ]
    assert render_view("shop", names(), columns, DAY) == (
        'CREATE OR REPLACE VIEW "shop"."orders" AS\n'
        "SELECT\n"
        '  "id" AS "id",\n'
        '  TRY_CAST("total" AS decimal(24,12)) AS "total",\n'
        "  DATE '2026-11-20' AS \"snapshot_date\"\n"
        'FROM "shop"."snapshots_orders"\n'
        "WHERE \"snapshot_date\" = '2026-11-20'"
    )


def test_a_table_with_a_snapshot_date_of_its_own_is_read_by_the_other_key() -> None:
    assert "WHERE \"lake_snapshot_date\" = '2026-11-20'" in render_view(
        "shop", names(key="lake_snapshot_date"), [], DAY
    )


def test_a_statement_athena_would_refuse_for_its_length_is_refused_before() -> None:
    columns = [
        ViewColumn(name=f"c{n}", alias=f"c{n}", expression="x" * 1000, presto_type="varchar") for n in range(300)
    ]
    with pytest.raises(CatalogError, match="262,144"):
        render_view("shop", names(), columns, DAY)


def test_the_quality_query_counts_rows_and_every_cast_column() -> None:
    columns = [
        view_column(Column(name="id", hive_type="bigint"), "id"),
        view_column(Column(name="d", hive_type="string", original_type="date"), "d"),
    ]
    (query,) = render_quality_queries("shop", names(), columns, DAY)
    assert query.columns == ("d",)
    assert query.sql.count("count_if") == 1


@pytest.mark.parametrize("text", ["decimal(12,2)", "DECIMAL(38, 0)", "int", "string", "date", "timestamp", "double"])
def test_types_a_person_would_write_are_understood(text: str) -> None:
    assert parse_presto_type(text)


@pytest.mark.parametrize(
    "text", ["decimal(39,2)", "decimal(5,6)", "json", "varchar; DROP", "", "timestamp with time zone"]
)
def test_types_a_view_cannot_have_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a type that a view can have"):
        parse_presto_type(text)


@pytest.mark.parametrize(
    ("hive_type", "override", "value", "shown", "lost"),
    [
        ("bigint", "varchar", "7", "7", False),
        ("bigint", "int", "7", 7, False),
        ("bigint", "int", "5000000000", None, True),
        ("double", "bigint", "2.0", 2, False),
        ("double", "bigint", "1.5", 2, True),
        ("double", "bigint", "NULL", None, False),
        ("int", "boolean", "1", True, False),
        ("string", "double", "'1e400'", float("inf"), True),
        ("string", "real", "'-1e39'", float("-inf"), True),
        ("string", "double", "'-Infinity'", float("-inf"), False),
        ("string", "double", "'1e308'", 1e308, False),
        ("string", "double", "'x'", None, True),
        ("string", "double", "NULL", None, False),
        ("timestamp", "date", "TIMESTAMP '2026-11-20 00:00:00'", date(2026, 11, 20), False),
        ("timestamp", "date", "TIMESTAMP '2026-11-20 05:06:07'", date(2026, 11, 20), True),
    ],
)
def test_an_override_of_a_native_column_really_casts_and_counts_what_changes(
    hive_type: str, override: str, value: str, shown: object, lost: bool
) -> None:
    column = view_column(Column(name="X", hive_type=hive_type), "x", type_override=override)
    native = {"double": "DOUBLE", "timestamp": "TIMESTAMP"}.get(hive_type, hive_type)
    sql = f'SELECT {column.expression}, {column.loss} FROM (SELECT CAST({value} AS {native}) AS "x") AS t'
    row = duckdb.connect().execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0]).fetchone()
    assert row == (shown, lost)


@pytest.mark.parametrize(
    ("hive_type", "override"),
    [
        ("binary", "varchar"),
        ("boolean", "date"),
        ("bigint", "timestamp"),
        ("date", "int"),
        ("array<string>", "varchar"),
    ],
)
def test_an_override_athena_cannot_cast_is_refused_before_a_view_fails(hive_type: str, override: str) -> None:
    with pytest.raises(ValueError, match="Athena casts no"):
        view_column(Column(name="x", hive_type=hive_type), "x", type_override=override)


def test_timestamp_asked_for_a_zoned_column_is_still_read_with_its_zone() -> None:
    column = Column(name="x", hive_type="string", original_type="timestamp with time zone")
    assert view_column(column, "x", type_override="timestamp") == view_column(column, "x")


def test_a_table_too_wide_for_one_quality_query_is_checked_by_several() -> None:
    columns = [
        view_column(Column(name=f"{n}{'x' * 50}", hive_type="string", original_type="numeric"), f"c{n}")
        for n in range(1600)
    ]
    queries = render_quality_queries("shop", names(), columns, DAY)
    assert len(queries) > 1
    assert [column for query in queries for column in query.columns] == [column.name for column in columns]
    assert all(len(query.sql.encode()) <= 262_144 for query in queries)
