"""Tables of the lake in Redshift: by Spectrum and by COPY the same, and what Athena's view says."""

from dataclasses import replace
from typing import Any

import pytest

from rds_lake.model.warehouse.plan import LoadBy
from rds_lake_tests.stages.warehouse.conftest import publish_day
from rds_lake_tests.stages.warehouse.running import Running, errors, lake_load
from rds_lake_tests.support.world import World, execute

KINDS = """
CREATE TABLE kinds (id int PRIMARY KEY, small smallint, big bigint, flag boolean, real4 real, float8 double precision,
    price numeric(9,2), any_number numeric, day date, at timestamp, at_zone timestamptz, name varchar(20), note text, code char(3),
    doc jsonb, one uuid, list int[], took interval, "select" text);
INSERT INTO kinds VALUES
    (1, -3, 9223372036854775807, true, 1.5, 2.25, 1234567.89, 12345678901234567890.123456789, '2026-02-28',
     '2026-02-28 12:34:56.123456', '2026-02-28 12:00:00+05:30', 'Zoë', 'it''s "x"\\y', 'abc', '{"a": 1}',
     '6f1c9a1e-0000-4000-8000-000000000001', '{1,2,NULL}', '1 day', 's'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 0, 0, false, 0, 0, 0, 'NaN', 'infinity', 'infinity', '-infinity', '', '', '', 'null', NULL, '{}', '00:00', ''),
    (4, 1, 1, true, 1, 1, 1, 0.1234567890123456789012, '0044-03-15 BC', '0044-03-15 10:00:00 BC', '2026-01-01 00:00:00-08',
     'a', 'b', 'c', '[]', NULL, NULL, NULL, NULL);
"""


@pytest.fixture
def kinds(world: World, tiny_url: str) -> Running:
    """A lake with a table of every kind of column."""
    execute(tiny_url, KINDS)
    return publish_day(world)


def athena(world: World, columns: str) -> list[tuple[Any, ...]]:
    return world.query(f"select {columns} from kinds order by id")


PLAIN = 'id, small, big, flag, real4, float8, price, any_number, day, name, note, code, doc, one, took, "select", snapshot_date'


def shown(rows: list[tuple[Any, ...]]) -> list[tuple[str | None, ...]]:
    """Values as Athena's API gives them."""
    return [
        tuple(None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in row) for row in rows
    ]


def test_spectrum_and_copy_load_the_same_rows_and_they_are_those_of_the_view(kinds: Running, world: World) -> None:
    record = kinds.run(
        lake_load("kinds", by=LoadBy.COPY), lake_load("kinds", by=LoadBy.SPECTRUM, name="spectrum_kinds")
    )
    assert errors(record) == {}
    copied = kinds.rows("select * from kinds order by id")
    assert len(copied) == 4 and copied == kinds.rows("select * from spectrum_kinds order by id")
    assert shown(kinds.rows(f"select {PLAIN} from kinds order by id")) == athena(world, PLAIN)
    moments = kinds.rows("select at, at_zone, list from kinds order by id")
    assert [m[0] for m in moments] == ["2026-02-28 12:34:56.123456", None, None, None]
    assert [m[1] for m in moments] == ["2026-02-28 06:30:00", None, None, "2026-01-01 08:00:00"]
    assert [m[2] for m in moments] == ["{1,2,NULL}", None, "{}", None]
    for piece in record.pieces:
        assert sorted(note.split(" ")[3] for note in piece.notes) == ["any_number", "at", "at_zone", "day"]
        assert (
            "2 values of any_number" in " ".join(piece.notes)
            and piece.rows == 4
            and piece.bytes
            and piece.seconds is not None
        )
    types = dict(kinds.rows("select \"column\", type from pg_table_def where tablename = 'spectrum_kinds'"))
    assert types == dict(kinds.rows("select \"column\", type from pg_table_def where tablename = 'kinds'"))
    assert (types["name"], types["note"], types["price"]) == (
        "character varying(80)",
        "character varying(65535)",
        "numeric(18,9)",
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("by", LoadBy)
def test_a_text_that_is_too_long_fails_the_load(world: World, tiny_url: str, by: LoadBy) -> None:
    execute(tiny_url, "CREATE TABLE long (id int, note text); INSERT INTO long VALUES (1, repeat('ä', 33000))")
    said = errors(publish_day(world).run(lake_load("long", by=by)))["long"]
    assert "exceeds" in said or "too long" in said


@pytest.mark.exhaustive
def test_a_table_of_the_date_before_is_loaded_as_of_that_date(world: World, tiny_url: str) -> None:
    running = publish_day(world)
    execute(tiny_url, "DELETE FROM orders WHERE id > 4; ALTER TABLE orders ADD COLUMN extra int")
    publish_day(world, "2026-11-21")
    record = running.run(
        lake_load("orders", by=LoadBy.SPECTRUM), lake_load("orders", by=LoadBy.SPECTRUM, day="2026-11-21", name="now"),
        lake_load("orders", by=LoadBy.COPY, name="copied"),
    )  # fmt: skip
    assert errors(record) == {} and [piece.rows for piece in record.pieces] == [10, 4, 10]
    assert running.rows("select count(*), count(extra) from orders") == running.rows(
        "select count(*), count(extra) from copied"
    )


@pytest.mark.exhaustive
def test_rows_that_are_missing_are_noticed_and_the_old_table_stays(world: World) -> None:
    running = publish_day(world)
    rows = running.rows_of_lake

    def more(*asked: Any) -> Any:
        return {name: replace(each, rows=each.rows + 1) for name, each in rows(*asked).items()}

    running.run(lake_load("orders"))
    running.rows_of_lake = more
    said = errors(running.run(lake_load("orders"), run="run-2"))["orders"]
    assert "10 rows were loaded, but the lake's manifest has 11" in said
    assert running.rows("select count(*) from orders") == [(10,)]
