"""A MariaDB from its snapshot to live views, and what no trigger of it sees: found by the next snapshot, by table and key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.streams.captured import Capture, Level
from rds_lake_tests.database.capture.shown import PAGE
from rds_lake_tests.stages.streams.whole.lab import Lab, open_lab
from rds_lake_tests.stages.streams.whole.planted import FIRST, planted, turn
from rds_lake_tests.stages.streams.whole.shop import TABLES, Shop


@pytest.fixture
def lab(mariadb: EmbeddedMariaDb, tmp_path: Path) -> Iterator[Lab]:
    shop = Shop(url=mariadb.create_database("bank")).create()
    with open_lab(shop, tmp_path) as lab:
        yield lab
    shop.run("DROP DATABASE rds_lake", "DROP DATABASE bank")


@pytest.mark.exhaustive
def test_live_views_of_mysql_follow_every_kind_of_write(lab: Lab) -> None:
    lab.world.snapshot(FIRST)
    lab.publish(FIRST)
    lab.shop.run(
        "REPLACE INTO customers VALUES (1, 'replaced', '2026-05-06 07:08:09.123')",
        "INSERT INTO customers (id, name) VALUES (2, 'again') ON DUPLICATE KEY UPDATE name = 'again', since = NULL",
        "UPDATE `Order Details` SET `group` = b'1', note = 'FIRST' WHERE note = 'first'",
        "UPDATE `Order Details` SET `order` = `order` + 1000",
        "DELETE FROM accounts WHERE id < 50",
        "INSERT IGNORE INTO savings VALUES (1, 5), (1000, 5)",
    )
    assert turn(lab).problems == ()
    assert lab.shown("_live") == lab.shop.now()
    history = "SELECT id, change, old_name, new_name FROM customers_history ORDER BY seq"
    assert lab.world.query(history) == [
        ("1", "delete", "customer 1", None),
        ("1", "insert", None, "replaced"),
        ("2", "update", "customer 2", "again"),
    ]


@pytest.mark.exhaustive
def test_cascades_truncate_and_dropped_triggers_are_named_by_table_and_key(lab: Lab) -> None:
    found = planted(lab)
    shown = PAGE.read_text(encoding="utf-8").partition("<!-- drift: begin -->")[2].partition("<!-- drift: end -->")[0]
    assert [line.strip() for line in shown.strip().splitlines()] == list(found.problems), "the page shows the report"
    targets = [lab.shop.target(table) for table in TABLES]
    refused = describe(lab.shop.dsn, targets, capture=Capture.OUTBOX, level=Level.ROW)
    assert [each.table.target.table for each in refused if each.reasons] == ["Order Details"]
    assert lab.shown("_live") == lab.shop.now(), "the live views stand on the new snapshot, which has it all"
