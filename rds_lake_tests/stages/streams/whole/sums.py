"""The money in the bank's two tables, as their live views have it at every cut."""

from __future__ import annotations

import threading
from decimal import Decimal

from rds_lake.sql.changes.views import render_live
from rds_lake_tests.stages.streams.whole.lab import Lab
from rds_lake_tests.stages.streams.whole.writers import writing


def sums_at_every_cut(lab: Lab, *, cuts: int, seed: int) -> dict[int, Decimal]:
    """By cut; so many cuts at least are made while money is moved, after a snapshot that was taken meanwhile."""
    with writing(lab.shop, seed=seed, writers=0, bankers=4, added=threading.Event(), longest=0.1, pause=0.02):
        lab.forward()
        lab.world.snapshot("2026-11-20")
        first = last = lab.forward().cut
        while last < first + cuts:
            last = lab.forward().cut
    lab.publish("2026-11-20")
    brought = lab.bring_up()
    (mark,) = [mark.watermark for mark in brought.marks]
    tables = [table for table in brought.tables if table.names.view in ("accounts", "savings")]
    asked = [
        f"SELECT {cut}, amount FROM (\n{render_live('shop', table, mark, cut).split('AS', 1)[1]}\n) one"
        for cut in range(first, last + 1)
        for table in tables
    ]
    union = "\nUNION ALL ".join(asked)
    rows = lab.world.query(f"SELECT cut, sum(amount) FROM (\n{union}\n) each (cut, amount) GROUP BY cut")
    return {int(str(cut)): Decimal(str(amount)) for cut, amount in rows}
