"""A database with capture, from its snapshot to live views: they are the database at the cut, whatever happens in between."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from rds_lake.config.streams import Streams
from rds_lake.errors import QueryError
from rds_lake.model.streams.drift import Drift
from rds_lake.stages.streams.live.drift import DriftCheck
from rds_lake.stages.streams.live.follow import Brought, LiveViews
from rds_lake.stages.streams.live.move import LiveMover
from rds_lake.stages.streams.live.turn import Turn, take_turn
from rds_lake_tests.stages.streams import simple_capture
from rds_lake_tests.support.world import World, execute

_BANK = """
DROP TABLE IF EXISTS accounts, savings;
CREATE TABLE accounts (id bigint PRIMARY KEY, owner text, amount numeric(12,2), opened timestamptz);
CREATE TABLE savings (id bigint PRIMARY KEY, owner text, amount numeric(12,2), opened timestamptz);
INSERT INTO accounts SELECT i, 'owner ' || i, 100, timestamptz '2026-01-01 12:00:00+00' + i * interval '1 hour'
    FROM generate_series(1, 6) i;
INSERT INTO savings SELECT * FROM accounts;
"""

_UNSEEN = "ALTER TABLE {0} DISABLE TRIGGER ALL; UPDATE {0} SET owner = 'thief' WHERE id = 3; ALTER TABLE {0} ENABLE TRIGGER ALL"


@pytest.fixture
def bank(world: World) -> Iterator[World]:
    execute(world.url, _BANK)
    simple_capture.capture(world.url, "accounts", "savings")
    world.with_source(streams=Streams(tables=("shop.public.accounts", "shop.public.savings")))
    yield world
    execute(world.url, "DROP SCHEMA IF EXISTS rds_lake CASCADE")


def bring_up(world: World) -> Brought:
    """Forward, compact, move."""
    simple_capture.forward(world.url, world.gateways.lake)
    brought = views_of(world).bring_up()
    assert brought.problems == (), brought.problems
    return brought


def views_of(world: World) -> LiveViews:
    return LiveViews(lake=world.gateways.lake, source=world.config.sources[0], log=world.lines.append)


def drift(world: World, brought: Brought) -> Drift:
    check = DriftCheck(lake=world.gateways.lake, source=world.config.sources[0], log=world.lines.append)
    assert brought.shown is not None
    found = check.check(brought.tables, brought.marks, brought.shown.snapshot_date, brought.shown.export_task)
    assert found is not None
    return found


def turn(world: World) -> Turn:
    """A turn of the source whose outbox somebody else forwards."""
    simple_capture.forward(world.url, world.gateways.lake)
    return take_turn(world.gateways.lake, world.config.databases[0], (), log=world.lines.append)


def in_database(world: World, table: str) -> list[tuple[str | None, ...]]:
    with psycopg.connect(world.url) as connection:
        rows = connection.execute(
            f"SELECT id::text, owner, amount::numeric(24,12)::text FROM {table} ORDER BY {table}.id".encode()
        )
        return rows.fetchall()


def live(world: World, table: str) -> list[tuple[str | None, ...]]:
    return world.query(f"SELECT CAST(id AS varchar), owner, amount FROM {table}_live ORDER BY {table}_live.id")


def test_live_views_follow_the_database_through_two_snapshots_and_drift_names_what_no_trigger_saw(bank: World) -> None:
    execute(bank.url, "UPDATE accounts SET amount = 90 WHERE id = 1; DELETE FROM accounts WHERE id = 6")
    bank.snapshot("2026-11-20")
    execute(bank.url, "UPDATE accounts SET amount = 80 WHERE id = 1; UPDATE accounts SET id = 20 WHERE id = 2")
    bank.publish("2026-11-20")
    assert drift(bank, bring_up(bank)).not_compared
    assert live(bank, "accounts") == in_database(bank, "accounts")
    assert bank.query("SELECT id, change, old_amount, new_amount FROM accounts_history WHERE cut = 1 AND id = 1") == [
        ("1", "update", "100.000000000000", "90.000000000000"),
        ("1", "update", "90.000000000000", "80.000000000000"),
    ]

    execute(
        bank.url, "INSERT INTO accounts VALUES (7, NULL, -1, now()); TRUNCATE savings; INSERT INTO savings VALUES (1)"
    )
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    assert bank.query("SELECT DISTINCT snapshot_date FROM accounts_live") == [("2026-11-21",)], "moved with the date"
    brought = bring_up(bank)
    assert (live(bank, "accounts"), live(bank, "savings")) == (
        in_database(bank, "accounts"),
        in_database(bank, "savings"),
    )
    found = drift(bank, brought)
    assert (found.before, found.compared, found.problems) == (date(2026, 11, 20), 2, ())

    execute(
        bank.url,
        "ALTER TABLE accounts DISABLE TRIGGER ALL; UPDATE accounts SET owner = 'thief' WHERE id = 3; DELETE FROM accounts "
        "WHERE id = 4; INSERT INTO accounts VALUES (5000, 'ghost', 0, now()); ALTER TABLE accounts ENABLE TRIGGER ALL",
    )
    bank.snapshot("2026-11-22")
    bank.publish("2026-11-22")
    assert drift(bank, bring_up(bank)).problems == (
        "shop.public.accounts: 1 missing (id=4); 1 not predicted (id=5000); 1 different (id=3: owner)",
    )


@pytest.mark.exhaustive
def test_the_sum_over_two_tables_is_the_same_at_every_cut(bank: World) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    for amount in (5, 30):
        execute(
            bank.url,
            f"UPDATE accounts SET amount = amount - {amount} WHERE id = 1; UPDATE savings SET amount = amount + {amount}, id = "
            f"id + {amount * 100} WHERE id % 100 = 3",
        )
        bring_up(bank)
        total = (
            "SELECT sum(amount) FROM (SELECT amount FROM accounts_live UNION ALL SELECT amount FROM savings_live) one"
        )
        assert bank.query(total) == [("1200.000000000000",)]


@pytest.mark.exhaustive
def test_a_column_added_while_capturing_is_shown_before_the_next_snapshot_has_it(bank: World) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    execute(bank.url, 'ALTER TABLE accounts ADD COLUMN "Risk" integer')
    simple_capture.recapture(bank.url, "accounts")
    execute(bank.url, 'UPDATE accounts SET "Risk" = 3 WHERE id = 2')
    bring_up(bank)
    asked = "SELECT sum(risk), count(*) FROM accounts_live"
    assert bank.query(asked) == [("3", "6")]
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    assert drift(bank, bring_up(bank)).problems == ()
    assert bank.query(asked) == [("3", "6")]


def test_a_key_column_renamed_while_capturing_keeps_only_its_own_table_waiting_for_the_next_snapshot(
    bank: World,
) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    bring_up(bank)
    execute(bank.url, "ALTER TABLE savings RENAME COLUMN id TO number")
    simple_capture.recapture(bank.url, "savings", key="number")
    execute(bank.url, "UPDATE accounts SET amount = 7 WHERE id = 2; UPDATE savings SET amount = 8 WHERE number = 2")
    simple_capture.forward(bank.url, bank.gateways.lake)
    (problem,) = views_of(bank).bring_up().problems
    assert "shop.public.savings: its key column number is not in the snapshot" in problem
    assert live(bank, "accounts") == in_database(bank, "accounts")
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    execute(bank.url, "UPDATE savings SET amount = 9 WHERE number = 3")
    bring_up(bank)
    shown = bank.query("SELECT number, amount FROM savings_live WHERE number < 4 ORDER BY number")
    assert [(number, str(amount)[:3]) for number, amount in shown] == [("1", "100"), ("2", "8.0"), ("3", "9.0")]


@pytest.mark.exhaustive
def test_a_publication_goes_on_where_the_live_views_cannot_and_they_follow_later(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    bring_up(bank)

    def refused(*_: object) -> None:
        raise QueryError("no", query_id="1")

    with monkeypatch.context() as broken:
        broken.setattr(LiveMover, "move", refused)
        bank.snapshot("2026-11-21")
        assert bank.publish("2026-11-21").publication.became_latest
    assert any("did not move to 2026-11-21" in line for line in bank.lines)
    assert bank.query("SELECT DISTINCT snapshot_date FROM accounts_live") == [("2026-11-20",)]
    views_of(bank).bring_up()
    assert bank.query("SELECT DISTINCT snapshot_date FROM accounts_live") == [("2026-11-21",)]


@pytest.mark.exhaustive
def test_a_table_that_has_the_name_of_a_live_view_keeps_it_and_both_are_named(bank: World) -> None:
    execute(bank.url, "CREATE TABLE accounts_live (id bigint PRIMARY KEY)")
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    simple_capture.forward(bank.url, bank.gateways.lake)
    brought = views_of(bank).bring_up()
    assert brought.problems == (
        "the live view of shop.public.accounts and table shop.public.accounts_live both want the name 'accounts_live': "
        "rename: {'shop.public.accounts_live': accounts_live_2}",
    )
    assert len(bank.query("SELECT * FROM savings_live")) == 6
    assert bank.query("SELECT count(*) FROM accounts_live") == [("0",)]
    execute(bank.url, f"{_UNSEEN.format('savings')}")
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    found = turn(bank).drift
    assert found is not None
    assert found.problems == ("shop.public.savings: 1 different (id=3: owner)",), "the others are compared all the same"


@pytest.mark.exhaustive
def test_views_of_a_table_that_is_captured_no_more_are_dropped(bank: World) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    bring_up(bank)
    execute(bank.url, "DELETE FROM rds_lake.capture WHERE table_name = 'savings'")
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    bring_up(bank)
    views = {name for name, table in bank.gateways.glue.list_tables("shop").items() if table.is_view}
    assert {"accounts_live", "savings"} <= views
    assert "savings_live" not in views


@pytest.mark.exhaustive
def test_a_date_that_no_turn_saw_is_compared_with_the_next_one(bank: World) -> None:
    """What differs in it would be the later date's own beginning otherwise, and nobody would hear of it."""
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    turn(bank)
    execute(bank.url, _UNSEEN.format("accounts"))
    for day in ("2026-11-21", "2026-11-22"):
        bank.snapshot(day)
        bank.publish(day)
    found = turn(bank).drift
    assert found is not None
    assert (found.before, found.problems) == (
        date(2026, 11, 20),
        ("shop.public.accounts: 1 different (id=3: owner)",),
    )


@pytest.mark.exhaustive
def test_a_table_whose_changes_cannot_be_read_does_not_keep_the_others_from_being_compared(bank: World) -> None:
    bank.snapshot("2026-11-20")
    bank.publish("2026-11-20")
    turn(bank)
    execute(bank.url, "UPDATE accounts SET amount = 1")
    simple_capture.forward(bank.url, bank.gateways.lake)
    (damaged,) = [key for key in bank.keys("lake/_changes/") if "accounts" in key]
    bank.root.s3.put_bytes("acme-lake", damaged, b"no gzip", kms_key=None)
    execute(bank.url, _UNSEEN.format("savings"))
    bank.snapshot("2026-11-21")
    bank.publish("2026-11-21")
    found = turn(bank).drift
    assert found is not None
    assert [problem.split(" ")[0] for problem in found.problems] == ["shop.public.accounts", "shop.public.savings:"]
    assert "could not be compared" in found.problems[0]


@pytest.mark.exhaustive
def test_views_of_changes_of_two_tables_that_want_one_name_are_reported_and_neither_replaces_the_other(
    world: World,
) -> None:
    execute(
        world.url,
        "CREATE TABLE x_live (id bigint PRIMARY KEY); CREATE TABLE changes_x (id bigint PRIMARY KEY)",
    )
    simple_capture.capture(world.url, "x_live", "changes_x")
    world.with_source(streams=Streams(tables=("shop.public.x_live", "shop.public.changes_x")))
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    (problem,) = turn(world).problems
    assert "'changes_x_live'" in problem
    execute(world.url, "DROP SCHEMA rds_lake CASCADE; DROP TABLE x_live, changes_x")
