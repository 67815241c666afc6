"""Which statements only read: everything else needs a person's word."""

import pytest

from rds_lake.sql.statements import meant_by, reads_only, unknown_word


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW orders",
        "/* SELECT */ drop table snapshots_orders",
        "-- SELECT 1\nCREATE VIEW x AS SELECT 1 AS a",
        "INSERT INTO snapshots_orders SELECT * FROM snapshots_orders",
        "UNLOAD (SELECT 1) TO 's3://acme-lake/x/' WITH (format = 'PARQUET')",
        "EXECUTE forgotten",
        "PREPARE a FROM DROP VIEW orders",
        "EXPLAIN ANALYZE DROP VIEW orders",
        "EXPLAIN /* SELECT */ ANALYZE DROP VIEW orders",
        "explain analyze verbose insert into a select 1",
        "MSCK REPAIR TABLE snapshots_orders",
        "ALTER TABLE a DROP COLUMN b",
        "'unreadable",
        "",
    ],
)
def test_what_changes_something_or_cannot_be_read_does_not_pass_for_reading(statement: str) -> None:
    assert not reads_only(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "SHOW CREATE VIEW orders",
        "(SELECT 1 AS a)",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "VALUES (1)",
        "TABLE orders",
        "describe orders",
        "EXPLAIN SELECT 1",
        "EXPLAIN (TYPE IO) SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "-- DROP\nSELECT 'DROP TABLE x'",
    ],
)
def test_every_way_of_reading_passes(statement: str) -> None:
    assert reads_only(statement)


@pytest.mark.parametrize(
    ("statement", "word", "meant"),
    [
        ("SELEC 1", "SELEC", "SELECT"),
        ("/* x */ inser into a select 1", "INSER", "INSERT"),
        ("xyzzy", "XYZZY", None),
        ("", "", None),
        ("'unreadable", "", None),
    ],
)
def test_a_mistyped_statement_is_told_from_one_that_changes_something(
    statement: str, word: str, meant: str | None
) -> None:
    assert unknown_word(statement) == word
    assert meant_by(word) == meant
    assert unknown_word("DROP VIEW orders") is unknown_word("(SELECT 1)") is None
