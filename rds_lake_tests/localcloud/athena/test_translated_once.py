"""A statement is translated once; another that is nearly the same is not taken for it."""

import pytest
from sqlglot import exp

from rds_lake.localcloud.athena.sql.dialect import parse, to_duckdb

NEARLY = [
    ("SELECT a AS x FROM t", "SELECT a AS X FROM t"),
    ("SELECT 'a' AS x", "SELECT 'A' AS x"),
    ("SELECT 1 AS x", "SELECT '1' AS x"),
    ('SELECT "a" FROM t', 'SELECT "A" FROM t'),
    ("SELECT a - (b - c) AS x FROM t", "SELECT (a - b) - c AS x FROM t"),
]


@pytest.mark.parametrize(("one", "other"), NEARLY)
def test_statements_that_differ_in_a_letter_are_two(one: str, other: str) -> None:
    assert to_duckdb(parse(one)) != to_duckdb(parse(other))
    assert to_duckdb(parse(one)) == to_duckdb(parse(one))


def test_a_column_of_another_type_is_another_translation() -> None:
    tree = parse("SELECT a / b AS x FROM t")
    texts = {to_duckdb(tree, {"t": {"a": kind, "b": kind}}) for kind in ("bigint", "double")}
    assert len(texts) == 2


def test_whoever_changes_a_parsed_statement_changes_his_own() -> None:
    parse("SELECT a FROM t").set("limit", exp.Limit(expression=exp.Literal.number(1)))
    assert parse("SELECT a FROM t").args.get("limit") is None
