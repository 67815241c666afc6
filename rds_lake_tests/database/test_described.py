"""What a live database says of its own tables: comments, names of enums, scales."""

import pytest

from rds_lake.database import described
from rds_lake.database.asked import ask_database
from rds_lake.database.dsn import parse_dsn
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.tables.described import Described, DescribedColumn, parse_described, render_described
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.support.world import execute, execute_mysql, seed_tiny


def target(table: str, schema: str = "public", database: str = "shop") -> TableTarget:
    return TableTarget(database=database, schema=schema, table=table)


def asked(url: str, *targets: TableTarget) -> Described:
    answers = ask_database(parse_dsn(url, where="arn"), targets, exact_below=1000, timeout_seconds=5)
    assert not answers.why
    assert parse_described(render_described(answers.described), where="s3://b/k") == answers.described
    return answers.described


def test_postgresql_says_comments_enums_of_every_kind_and_scales(tiny_url: str) -> None:
    seed_tiny(tiny_url)
    execute(
        tiny_url,
        """
        CREATE TYPE mood AS ENUM ('sad', 'it''s, so so', 'happy');
        CREATE DOMAIN known_mood AS mood NOT NULL;
        CREATE TABLE "A b" (id int, m mood, ms mood[], k known_mood, plain text, "no, scale" numeric, "Two" numeric(5,2));
        COMMENT ON TABLE "A b" IS 'of the table';
        COMMENT ON COLUMN "A b".plain IS E'two\\nlines';
        ALTER TABLE "A b" ADD gone mood;
        ALTER TABLE "A b" DROP gone
        """,
    )
    table = asked(tiny_url, target("A b"), target("orders"), target("not there")).of(target("A b"))
    names = ("sad", "it's, so so", "happy")
    assert table.comment == "of the table"
    assert table.columns == {
        "m": DescribedColumn(type="mood", labels=names),
        "ms": DescribedColumn(type="mood[]", labels=names),
        "k": DescribedColumn(type="known_mood", labels=names),
        "plain": DescribedColumn(type="text", comment="two\nlines"),
        "Two": DescribedColumn(type="numeric(5,2)"),
    }


def test_mysql_says_comments_and_enums(mariadb: EmbeddedMariaDb) -> None:
    url = mariadb.create_database("told")
    execute_mysql(
        url,
        "CREATE TABLE t (id int COMMENT 'the ''key''', s enum('new','it''s') NOT NULL, n int) COMMENT 'of the table'",
    )
    mine = target("t", "told", "told")
    table = asked(url, mine).of(mine)
    assert table.comment == "of the table"
    assert {name: (column.type.partition("(")[0], column.comment) for name, column in table.columns.items()} == {
        "id": ("int", "the 'key'"),
        "s": ("enum", ""),
    }
    assert table.columns["s"].sentence("enum") == "enum('new','it''s')"


def test_a_description_that_takes_too_long_leaves_the_counts_and_what_was_said_before(
    tiny_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_tiny(tiny_url)
    execute(tiny_url, "COMMENT ON TABLE orders IS 'One row for each order'")
    monkeypatch.setattr(described, "_POSTGRES", "SELECT pg_sleep(30)")
    orders = target("orders")
    answers = ask_database(parse_dsn(tiny_url, where="arn"), [orders], exact_below=1000, timeout_seconds=1)
    assert answers.counts[orders].rows == 10
    assert (answers.described, answers.not_described) == (Described(), {orders})
    assert answers.why == (
        "shop: comments and enum names were not read, the database took longer than timeout_seconds: 1",
    )


def test_what_is_too_long_for_an_event_is_shortened_and_says_so() -> None:
    column = DescribedColumn(type="mood", comment="x" * 5000, labels=tuple(f"l{number}" for number in range(60)))
    sentence = column.sentence(None)
    assert sentence.startswith("x" * 1000 + "… (mood: l0, l1, ") and sentence.endswith("l49 and 10 more)")
