"""`union:`: partitions of a PostgreSQL table, exported one by one, are one table again."""

import pytest

from rds_lake.errors import CatalogError, NameCollisionError, QueryError
from rds_lake_tests.support.world import World, execute

EVENTS = """
CREATE TABLE events (id bigint, at timestamptz, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2026_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2026_02 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO events SELECT i, timestamptz '2026-01-10 00:00+00' + i * interval '1 day', 'k' FROM generate_series(1, 40) i;
"""
PATTERN = r"events_\d{4}_\d{2}"


@pytest.fixture
def union_world(world: World) -> World:
    """The tiny database with a partitioned table, gathered."""
    execute(world.url, EVENTS)
    world.with_source(union={"events": PATTERN})
    return world


def day(world: World, when: str, *statements: str) -> None:
    for statement in statements:
        execute(world.url, statement)
    world.snapshot(when)
    world.publish(when)


def test_partitions_of_a_table_are_one_table_and_view(union_world: World) -> None:
    day(union_world, "2026-11-20")
    assert union_world.query("SELECT count(*), min(id), max(id) FROM events") == [("40", "1", "40")]
    each = "SELECT snapshot_table, count(*) FROM events GROUP BY 1 ORDER BY 1"
    assert union_world.query(each) == [("events_2026_01", "21"), ("events_2026_02", "19")]
    with pytest.raises(QueryError, match="TABLE_NOT_FOUND"):
        union_world.query("SELECT * FROM events_2026_01")


@pytest.mark.exhaustive
def test_a_new_partition_and_a_dropped_one_change_the_newest_date_only(union_world: World) -> None:
    day(union_world, "2026-11-19")
    day(
        union_world,
        "2026-11-20",
        "DROP TABLE events_2026_01",
        "CREATE TABLE events_2026_03 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
        "INSERT INTO events VALUES (99, '2026-03-05 00:00+00', 'k')",
    )
    assert union_world.query("SELECT count(*), max(id) FROM events") == [("20", "99")]
    old = "SELECT snapshot_date, count(*) FROM snapshots_events GROUP BY 1 ORDER BY 1"
    assert union_world.query(old) == [("2026-11-19", "40"), ("2026-11-20", "20")]


@pytest.mark.exhaustive
def test_a_date_exported_again_without_a_member_does_not_keep_its_rows(union_world: World) -> None:
    union_world.with_source(replace=True)
    day(union_world, "2026-11-20")
    execute(union_world.url, "DROP TABLE events_2026_01")
    union_world.snapshot("2026-11-20", hour=22)
    union_world.publish("2026-11-20")
    assert union_world.query("SELECT count(*) FROM events") == [("19",)]


@pytest.mark.exhaustive
def test_a_query_of_one_member_and_date_reads_its_files_only(union_world: World) -> None:
    day(union_world, "2026-11-19")
    day(union_world, "2026-11-20")
    athena = union_world.gateways.athena

    def scanned(table: str, where: str) -> int:
        return athena.run(f"SELECT sum(id) FROM {table} WHERE {where}", database="shop").bytes_scanned

    view, both = scanned("events", "true"), scanned("snapshots_events", "true")
    assert 0 < scanned("events", "snapshot_table = 'events_2026_02'") < view < both


@pytest.mark.exhaustive
def test_a_column_added_to_all_members_is_added_to_the_whole(union_world: World) -> None:
    day(union_world, "2026-11-19")
    day(union_world, "2026-11-20", "ALTER TABLE events ADD COLUMN source text DEFAULT 'web'")
    assert union_world.query("SELECT count(source) FROM events") == [("40",)]
    old = "SELECT snapshot_date, count(source) FROM snapshots_events GROUP BY 1 ORDER BY 1"
    assert union_world.query(old) == [("2026-11-19", "0"), ("2026-11-20", "40")]


@pytest.mark.exhaustive
def test_members_of_an_integers_two_widths_read_together(world: World) -> None:
    execute(world.url, "CREATE TABLE log_1 (n integer); INSERT INTO log_1 VALUES (1)")
    execute(world.url, "CREATE TABLE log_2 (n bigint); INSERT INTO log_2 VALUES (5000000000)")
    world.with_source(union={"log": r"log_\d"})
    day(world, "2026-11-20")
    assert world.query("SELECT sum(n) FROM log") == [("5000000001",)]


def test_members_that_differ_are_listed_and_nothing_is_catalogued(world: World) -> None:
    execute(world.url, "CREATE TABLE log_1 (n integer, at timestamp); INSERT INTO log_1 VALUES (1, now())")
    execute(world.url, "CREATE TABLE log_2 (n text, at date); INSERT INTO log_2 VALUES ('x', now())")
    world.with_source(union={"log": r"log_\d"})
    with pytest.raises(CatalogError) as caught:
        day(world, "2026-11-20")
    assert len(caught.value.problems) == 2
    assert all("shop.public.log_1" in text and "shop.public.log_2" in text for text in caught.value.problems)


@pytest.mark.exhaustive
def test_a_union_that_is_renamed_is_found_by_that_name(union_world: World) -> None:
    union_world.with_source(rename={"shop.public.events": "happenings"})
    day(union_world, "2026-11-20")
    assert union_world.query("SELECT count(*) FROM happenings") == [("40",)]


@pytest.mark.exhaustive
def test_a_column_named_like_the_members_key_keeps_its_name(world: World) -> None:
    execute(world.url, "CREATE TABLE log_1 (snapshot_table text); INSERT INTO log_1 VALUES ('mine')")
    world.with_source(union={"log": r"log_\d"})
    day(world, "2026-11-20")
    assert world.query("SELECT snapshot_table, lake_snapshot_table FROM log") == [("mine", "log_1")]


@pytest.mark.exhaustive
def test_tables_that_become_a_union_later_keep_their_older_dates(union_world: World) -> None:
    union_world.with_source(union={})
    day(union_world, "2026-11-19")
    union_world.with_source(union={"events": PATTERN})
    day(union_world, "2026-11-20")
    assert union_world.query("SELECT count(*) FROM events") == [("40",)]
    assert union_world.query("SELECT count(*) FROM snapshots_events_2026_01") == [("21",)]
    with pytest.raises(QueryError, match="TABLE_NOT_FOUND"):
        union_world.query("SELECT * FROM events_2026_01")


@pytest.mark.parametrize(
    ("union", "problem"),
    [
        ({"orders": PATTERN}, r"shop\.public\.orders has the name of the union"),
        ({"one": PATTERN, "two": "events_2026_.*"}, r"matches several unions \('one' and 'two'\)"),
        ({"Order_Details": PATTERN}, r"both want the name 'order_details': rename"),
    ],
)
def test_names_that_a_union_takes_from_others_are_errors(
    union_world: World, union: dict[str, str], problem: str
) -> None:
    union_world.with_source(union=union)
    with pytest.raises(NameCollisionError, match=problem):
        day(union_world, "2026-11-20")
