"""What could make a writer fail, or put the last word on a row into the wrong order."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.streams.captured import Level
from rds_lake.model.streams.event import Op
from rds_lake_tests.database.capture.captured import State, capture, events, replayed

Connection = psycopg.Connection[Any]
levels = pytest.mark.parametrize("level", list(Level))


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("writers")


@pytest.fixture
def shop(url: str) -> Iterator[Connection]:
    """The database, empty."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS rds_lake CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield connection


def table_of(connection: Connection, table: str = "t") -> State:
    """The rows by `id`, as text."""
    rows = connection.execute(
        f"SELECT (SELECT json_object_agg(key, value) FROM json_each_text(to_json(t))) FROM {table} t".encode()
    )
    return {(row["id"],): row for (row,) in rows}


@levels
@pytest.mark.parametrize(
    "ddl",
    [
        "ALTER TABLE t DROP COLUMN v",
        "ALTER TABLE t RENAME COLUMN v TO w",
        "ALTER TABLE t RENAME COLUMN id TO key",
        "ALTER TABLE t RENAME TO renamed",
        "ALTER TABLE t ALTER COLUMN v TYPE bytea USING v::bytea",
        "ALTER TABLE t ADD COLUMN w int DEFAULT 7",
        "ALTER TABLE t SET SCHEMA elsewhere",
        "ALTER TABLE t DROP CONSTRAINT t_pkey",
    ],
)
def test_an_altered_table_goes_on_and_nothing_that_it_has_is_lost(
    url: str, shop: Connection, ddl: str, level: Level
) -> None:
    shop.execute("CREATE SCHEMA IF NOT EXISTS elsewhere; DROP TABLE IF EXISTS elsewhere.t")
    shop.execute("CREATE TABLE t (id int PRIMARY KEY, v text, other int); INSERT INTO t VALUES (1, 'a', 1)")
    capture(url, "t", level=level)
    shop.execute("UPDATE t SET v = 'b'")
    shop.execute(ddl.encode())
    table = "renamed" if "TO renamed" in ddl else "elsewhere.t" if "SCHEMA" in ddl else "t"
    shop.execute(f"UPDATE {table} SET other = 5; INSERT INTO {table} (other) SELECT 6 WHERE false".encode())
    shop.execute(f"DELETE FROM {table}".encode())
    last = events(shop)[-2:]
    assert last[-1].op is Op.DELETE
    names = {name for name in last[-1].old or {} if name != "w"}
    assert names >= {"other"}
    assert "other" not in last[-1].omitted
    if "RENAME COLUMN v" in ddl:
        assert (last[-1].old or {})["w"] == "b"


@levels
def test_values_that_no_event_can_hold_are_named_and_the_row_is_written(
    url: str, shop: Connection, level: Level
) -> None:
    shop.execute("CREATE TABLE t (id int PRIMARY KEY, v text, b bytea, n numeric[], j jsonb, small text)")
    capture(url, "t", level=level)
    shop.execute("INSERT INTO t (id, v, small) VALUES (1, repeat('x', 1500000), 's')")
    shop.execute("INSERT INTO t (id, b, small) VALUES (2, decode(repeat('00', 1100000), 'hex'), 's')")
    shop.execute("UPDATE t SET v = 'short' WHERE id = 1")
    found = [(change.op, change.omitted, (change.new or {}).get("small")) for change in events(shop)]
    assert found == [
        (Op.INSERT, ("v",), "s"),
        (Op.INSERT, ("b",), "s"),
        (Op.UPDATE, ("v",), "s"),
    ]
    for change in events(shop):
        assert not {*change.omitted} & {*(change.old or {}), *(change.new or {})}, (
            "an omitted column is in neither image"
        )


@pytest.mark.exhaustive
def test_a_value_of_few_bytes_whose_text_is_endless_is_named_too(url: str, shop: Connection) -> None:
    shop.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric[], small text)")
    capture(url, "t")
    shop.execute("INSERT INTO t VALUES (1, array_fill(1e130000, ARRAY[150]), 's')")
    (change,) = events(shop)
    assert (change.new, change.omitted) == ({"id": "1", "small": "s"}, ("n",))


@pytest.mark.exhaustive
@levels
def test_a_row_of_many_long_columns_is_cut_to_what_fits(url: str, shop: Connection, level: Level) -> None:
    columns = [f"c{at}" for at in range(6)]
    shop.execute(f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'{name} text' for name in columns)})".encode())
    capture(url, "t", level=level)
    shop.execute(f"INSERT INTO t SELECT 1, {', '.join(['repeat(chr(1), 700000)'] * 6)}".encode())
    (change,) = events(shop)
    assert change.new is not None
    assert change.new["id"] == "1"
    assert change.omitted == ("c3", "c4", "c5"), "each is four megabytes as JSON, and an image has sixteen"
    assert {*change.new, *change.omitted} == {"id", *columns}


def test_a_table_of_the_most_columns_is_captured(url: str, shop: Connection) -> None:
    shop.execute(f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{at} text' for at in range(1599))})".encode())
    capture(url, "t")
    shop.execute("INSERT INTO t (id, c7) VALUES (1, 'x'); UPDATE t SET c9 = 'y'")
    assert len(events(shop)[-1].new or {}) == 1600


@pytest.mark.exhaustive
@levels
def test_what_other_triggers_do_to_the_table_has_the_last_word(url: str, shop: Connection, level: Level) -> None:
    shop.execute("""
        CREATE TABLE t (id int PRIMARY KEY, v int);
        CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF pg_trigger_depth() < 2 THEN
            UPDATE t SET v = v + 10;  -- also rows that the outer statement has changed, and that are told later
            DELETE FROM t WHERE id = 5;
            INSERT INTO t VALUES (9, 9) ON CONFLICT DO NOTHING;
          END IF; RETURN NULL; END $$;
        CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION more();
    """)
    capture(url, "t", level=level)
    for statement in ("INSERT INTO t VALUES (1, 1), (2, 2), (5, 5)", "UPDATE t SET v = -v", "UPDATE t SET id = id + 100",
                      "DELETE FROM t WHERE id IN (9, 101, 102)", "INSERT INTO t VALUES (5, 0), (6, 0)"):  # fmt: skip
        shop.execute(statement.encode())
        assert replayed(events(shop), ("id",)) == table_of(shop), statement


@pytest.mark.exhaustive
@levels
def test_a_tables_own_foreign_key_changes_its_keys_in_cascades(url: str, shop: Connection, level: Level) -> None:
    shop.execute("CREATE TABLE t (id int PRIMARY KEY, boss int REFERENCES t ON UPDATE CASCADE ON DELETE SET NULL)")
    capture(url, "t", level=level)
    for statement in (
        "INSERT INTO t VALUES (1, 1), (2, 1), (3, 2), (4, 4)",
        "UPDATE t SET id = id + 10",
        "DELETE FROM t WHERE id IN (11, 12)",
    ):
        shop.execute(statement.encode())
        assert replayed(events(shop), ("id",)) == table_of(shop), statement


@pytest.mark.exhaustive
@levels
def test_keys_may_move_into_places_that_the_same_statement_leaves(url: str, shop: Connection, level: Level) -> None:
    shop.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 9) i"
    )
    before = table_of(shop)
    capture(url, "t", level=level)
    shop.execute("UPDATE t SET id = id - 1")
    assert replayed(events(shop), ("id",), before) == table_of(shop)


@pytest.mark.exhaustive
@levels
def test_a_composite_key_with_nulls_inside_is_a_key_like_any_other(url: str, shop: Connection, level: Level) -> None:
    """`IS NULL` is true of `ROW(NULL, NULL)`, and both it and `IS NOT NULL` are false of `ROW(1, NULL)`."""
    shop.execute("CREATE TYPE pair AS (a int, b text); CREATE TABLE t (id pair PRIMARY KEY, v text)")
    capture(url, "t", level=level)
    shop.execute("INSERT INTO t VALUES (ROW(NULL, NULL), 'a'), (ROW(1, NULL), 'a'), (ROW(1, 'x'), 'a')")
    shop.execute("UPDATE t SET v = 'b'")
    shop.execute("UPDATE t SET id = ROW(2, NULL) WHERE (id).a IS NULL")
    shop.execute("DELETE FROM t WHERE (id).b IS NOT NULL")
    rows = replayed(events(shop, "t"), ["id"])
    assert {key: row["v"] for key, row in rows.items()} == {("(1,)",): "b", ("(2,)",): "b"}
    assert [change.op for change in events(shop, "t")][3:6] == [Op.UPDATE] * 3


def test_a_partitioned_table_has_one_name_and_rows_may_move(url: str, shop: Connection) -> None:
    shop.execute("""
        CREATE TABLE t (id int, d int, v text, PRIMARY KEY (id, d)) PARTITION BY LIST (d);
        CREATE TABLE one PARTITION OF t FOR VALUES IN (1);
        CREATE TABLE two (extra int, v text, d int NOT NULL, id int NOT NULL); ALTER TABLE two DROP COLUMN extra;
        ALTER TABLE t ATTACH PARTITION two FOR VALUES IN (2)
    """)
    capture(url, "t")
    shop.execute(
        "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'); UPDATE t SET d = 2 WHERE id = 1; UPDATE two SET v = 'c'"
    )
    shop.execute("CREATE TABLE three PARTITION OF t FOR VALUES IN (3); INSERT INTO three VALUES (3, 3, 'x')")
    assert len(events(shop)) == len(events(shop, "t")) == 7
    rows = replayed(events(shop), ("id", "d"))
    assert {key: row["v"] for key, row in rows.items()} == {("1", "2"): "c", ("2", "2"): "c", ("3", "3"): "x"}


@levels
def test_truncate_also_of_a_referencing_table_is_reported(url: str, shop: Connection, level: Level) -> None:
    shop.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY REFERENCES t)")
    capture(url, "t", "child", level=level)
    shop.execute("INSERT INTO t VALUES (1); INSERT INTO child VALUES (1); TRUNCATE t CASCADE; INSERT INTO t VALUES (2)")
    assert replayed(events(shop, "t"), ("id",)) == {("2",): {"id": "2"}}
    assert [change.op for change in events(shop, "child")] == [Op.INSERT, Op.TRUNCATE]


@pytest.mark.exhaustive
def test_writers_need_no_rights_and_get_none(url: str, shop: Connection) -> None:
    shop.execute("DROP ROLE IF EXISTS poor; CREATE ROLE poor; CREATE TABLE t (id int PRIMARY KEY)")
    shop.execute("GRANT USAGE ON SCHEMA public TO poor; GRANT INSERT ON t TO poor")
    capture(url, "t")
    shop.execute("SET ROLE poor")
    shop.execute("INSERT INTO t VALUES (1)")
    for forbidden in (
        "SELECT * FROM rds_lake.outbox",
        "SELECT rds_lake.fitting(1, '{}', 1, 1)",
        "CREATE TABLE rds_lake.x (i int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.execute(forbidden.encode())
    shop.execute("RESET ROLE")
    assert len(events(shop)) == 1
    shop.execute("DROP OWNED BY poor; DROP ROLE poor")


@pytest.mark.exhaustive
@levels
def test_an_update_that_changes_no_byte_is_no_change(url: str, shop: Connection, level: Level) -> None:
    """`json` has no equality, by which IS DISTINCT FROM would compare it; and 1.0 equals 1.00."""
    shop.execute("CREATE TABLE t (id int PRIMARY KEY, j json, n numeric); INSERT INTO t VALUES (1, '{}', 1.0)")
    capture(url, "t", level=level)
    shop.execute("UPDATE t SET j = '{}', n = 1.0; UPDATE t SET n = 1.00; UPDATE t SET j = '{ }'")
    found = events(shop)
    assert [(change.op, (change.new or {}).get("n")) for change in found] == [(Op.UPDATE, "1.00"), (Op.UPDATE, "1.00")]
