"""A database with capture, from its snapshot to live views: they are the database at the cut, whatever happens in between."""

import psycopg
import pytest

from rds_lake.config.streams import Streams
from rds_lake.stages.streams.live.follow import Brought, LiveViews
from rds_lake_tests.support import captured
from rds_lake_tests.support.world import World, execute

_BANK = """
DROP TABLE IF EXISTS accounts, savings;
CREATE TABLE accounts (id bigint PRIMARY KEY, owner text, amount numeric(12,2), opened timestamptz);
CREATE TABLE savings (id bigint PRIMARY KEY, owner text, amount numeric(12,2), opened timestamptz);
INSERT INTO accounts SELECT i, 'owner ' || i, 100, timestamptz '2026-01-01 12:00:00+00' + i * interval '1 hour'
    FROM generate_series(1, 6) i;
INSERT INTO savings SELECT * FROM accounts;
"""


@pytest.fixture
def bank(world: World) -> World:
    execute(world.url, _BANK)
    captured.capture(world.url, "accounts", "savings")
    world.with_source(streams=Streams(tables=("shop.public.accounts", "shop.public.savings")))
    return world


def forward(world: World) -> Brought:
    captured.forward(world.url, world.gateways.lake)
    return bring_up(world)


def bring_up(world: World) -> Brought:
    brought = LiveViews(lake=world.gateways.lake, source=world.config.sources[0], log=world.lines.append).bring_up()
    assert brought.problems == (), brought.problems
    return brought


def test_live_is_the_database_at_the_cut_and_history_says_what_changed(bank: World) -> None:
    execute(bank.url, "UPDATE accounts SET amount = 90 WHERE id = 1; DELETE FROM accounts WHERE id = 6")
    bank.snapshot("2026-11-20")
    execute(bank.url, "UPDATE accounts SET amount = 80 WHERE id = 1; UPDATE accounts SET id = 20 WHERE id = 2")
    bank.publish("2026-11-20")
    forward(bank)
    live = "SELECT id, owner, amount FROM accounts_live ORDER BY id"
    with psycopg.connect(bank.url) as connection:
        rows = connection.execute(
            "SELECT id::text, owner, amount::numeric(24,12)::text FROM accounts ORDER BY id"
        ).fetchall()
    assert bank.query(live) == rows
