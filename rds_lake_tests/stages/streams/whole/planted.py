"""Writes that no trigger of MySQL sees, planted between two snapshots, and the report of the comparison that finds them."""

from __future__ import annotations

from rds_lake.model.streams.drift import Drift
from rds_lake.stages.streams.live.turn import Turn, take_turn
from rds_lake_tests.stages.streams.whole.lab import Lab

FIRST, SECOND = "2026-11-20", "2026-11-21"
# After the triggers were installed: with it they would have been refused.
CASCADE = "ALTER TABLE `Order Details` ADD FOREIGN KEY (customer) REFERENCES customers (id) ON UPDATE CASCADE ON DELETE CASCADE"


def turn(lab: Lab) -> Turn:
    """What Dagster does every few minutes, with the forwarder's part done before."""
    lab.forward()
    return take_turn(lab.world.gateways.lake, lab.world.config.databases[0], (), log=lab.world.lines.append)


def planted(lab: Lab) -> Drift:
    """A cascade, a TRUNCATE and a dropped trigger; what the second snapshot's comparison says of them."""
    shop = lab.shop
    lab.world.snapshot(FIRST)
    lab.publish(FIRST)
    turn(lab)
    shop.run(
        CASCADE,
        "DELETE FROM customers WHERE id IN (5, 6)",  # with the orders of both
        "UPDATE customers SET id = 700 WHERE id = 7",  # and so the customer of an order
        "TRUNCATE TABLE savings",
    )
    (insert,) = [name for name, event in triggers_of(lab, "accounts") if event == "INSERT"]
    shop.run(f"DROP TRIGGER {shop.quoted(insert)}", "INSERT INTO accounts VALUES (5000, 1)")
    lab.world.snapshot(SECOND)
    lab.publish(SECOND)
    found = turn(lab).drift
    assert found is not None
    return found


def triggers_of(lab: Lab, table: str) -> list[tuple[str, str]]:
    """Name and event of each."""
    rows = lab.shop.run(
        "SELECT TRIGGER_NAME, EVENT_MANIPULATION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() "
        f"AND EVENT_OBJECT_TABLE = '{table}'"
    )
    return [(str(name), str(event)) for name, event in rows]
