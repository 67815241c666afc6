"""What is asked of a database before triggers are written: every reason against every table at once."""

import psycopg
import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.streams.captured import Capture, CapturedColumn, Level
from rds_lake.sql.triggers.plan import Described, require_capturable
from rds_lake_tests.database.capture.captured import dsn_of, target_in

_TABLES = """
CREATE TABLE good (id int PRIMARY KEY, "Net Price" text); ALTER TABLE good RENAME "Net Price" TO price;
CREATE TABLE keyless (i int); CREATE TABLE swapping (id int PRIMARY KEY DEFERRABLE);
CREATE UNLOGGED TABLE volatile (i int); CREATE VIEW looking AS SELECT 1; CREATE MATERIALIZED VIEW kept AS SELECT 1;
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parted DEFAULT;
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (parent);
CREATE TABLE spaced (id int PRIMARY KEY, "a b" text); CREATE TABLE "a/b" (id int PRIMARY KEY);
CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL);
CREATE DOMAIN price AS numeric(6,2); CREATE DOMAIN net AS price; CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE typed (b int, a int, n net, m mood, t timestamptz(3) NOT NULL, x varchar(7)[], gone int, PRIMARY KEY (a, b));
ALTER TABLE typed DROP COLUMN gone;
"""


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    made = postgres.create_database("described")
    with psycopg.connect(made) as connection:
        connection.execute(_TABLES)
    return made


def described(url: str, *tables: str, level: Level = Level.ROW) -> tuple[Described, ...]:
    targets = [target_in(url, table) for table in tables]
    return describe(dsn_of(url), targets, capture=Capture.OUTBOX, level=level)


@pytest.mark.parametrize(
    ("table", "reasons"),
    [
        ("good", []),
        ("keyless", ["it has no primary key"]),
        ("swapping", ["its primary key is DEFERRABLE"]),
        ("volatile", ["it is UNLOGGED", "it has no primary key"]),
        ("looking", ["it is a view"]),
        ("kept", ["it is a materialized view"]),
        ("parted", []),
        ("part", ["it is a partition of public.parted"]),
        ("parent", ["other tables inherit from it"]),
        ("heir", ["it inherits from public.parent"]),
        ("spaced", ["AWS does not export a table with a column named ['a b']"]),
        ("a/b", ["AWS does not export a table with / in its name"]),
        ("computed", ["the columns ['twice'] are VIRTUAL"]),
        ("Good", ["there is no such table"]),
    ],
)
def test_every_reason_against_a_table_is_reported(url: str, table: str, reasons: list[str]) -> None:
    (found,) = described(url, table)
    assert len(found.reasons) == len(reasons)
    assert all(told.startswith(reason) for told, reason in zip(found.reasons, reasons, strict=True)), found.reasons


def test_a_partitioned_table_is_refused_at_statement_level_and_explained_at_row_level(url: str) -> None:
    (found,) = described(url, "parted", level=Level.STATEMENT)
    assert "use `level: row_level`" in found.reasons[0]
    assert "DETACH" in found.notes[0]


def test_all_tables_are_refused_in_one_error(url: str) -> None:
    with pytest.raises(ConfigError, match="nothing installed") as caught:
        require_capturable(described(url, "good", "keyless", "volatile", "nothing"))
    assert [problem.split(":")[0].rpartition(".")[2] for problem in caught.value.problems] == [
        "keyless",
        "volatile",
        "volatile",
        "nothing",
    ]


def test_columns_have_the_databases_own_words_and_the_key_its_order(url: str) -> None:
    (table,) = require_capturable(described(url, "typed"))
    assert table.key == ("a", "b")
    assert table.columns == (
        CapturedColumn(name="b", type="integer", nullable=False),
        CapturedColumn(name="a", type="integer", nullable=False),
        CapturedColumn(name="n", type="numeric(6,2)"),
        CapturedColumn(name="m", type="public.mood"),
        CapturedColumn(name="t", type="timestamp(3) with time zone", nullable=False),
        CapturedColumn(name="x", type="character varying(7)[]"),
    )


def test_an_unreachable_database_is_reported_without_a_word_of_its_url() -> None:
    url = "postgresql://reader:hunter2@127.0.0.1:9/secret_name"
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        described(url, "t")
    for word in ("hunter2", "reader", "127.0.0.1", "secret_name"):
        assert word not in str(caught.value)
    assert caught.value.__suppress_context__
