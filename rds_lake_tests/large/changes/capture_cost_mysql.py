"""The work of `capture_cost.py` on an embedded MariaDB.

Times are the processor's, of the thread that serves a connection (MariaDB has one for each), without those that clean up behind
it. (Linux: /proc; nanoseconds, as an UPDATE without triggers takes 2 µs a row.)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.writers import seconds_of_a_transaction
from rds_lake.database.capture.install import install, uninstall
from rds_lake_tests.database.capture.mysql.lab import Lab

_TABLE = """
CREATE TABLE t (id bigint PRIMARY KEY, a text, b decimal(12,2), at timestamp(6) NULL DEFAULT CURRENT_TIMESTAMP(6), j json,
                d date, e int, f double) CHARACTER SET utf8mb4
"""
_COLUMNS = "INSERT INTO t (id, a, b, j, d, e, f) "


def processor_seconds(cursor: Any) -> float:
    """What the processor has done for the connection in the server."""
    cursor.execute("SELECT TID FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()")
    ((thread,),) = cursor.fetchall()
    return int(Path(f"/proc/{thread}/task/{thread}/schedstat").read_text().split()[0]) / 1e9


def small_transactions(lab: Lab, seconds: float) -> float:
    """Seconds of a transaction of three statements, of several writers at once, the writers' own included."""

    def transaction(cursor: Any, at: int) -> None:
        cursor.execute("BEGIN")
        cursor.execute(_COLUMNS + "VALUES (%s, %s, 12.34, '{\"a\": 1}', CURRENT_DATE, 7, 0.5)", [at, "x" * 30])
        cursor.execute("UPDATE t SET a = %s WHERE id = %s", ["y" * 30, at])
        if at % 3 == 0:
            cursor.execute("DELETE FROM t WHERE id = %s", [at])
        cursor.execute("COMMIT")

    return seconds_of_a_transaction(lab.session, transaction, processor_seconds, seconds)


def bulk(lab: Lab, rows: int) -> tuple[float, float]:
    """Seconds of one INSERT and of one UPDATE of so many rows."""
    with lab.session() as cursor:
        cursor.execute("TRUNCATE t")
        times = [processor_seconds(cursor)]
        values = "SELECT seq, REPEAT('x', 30), 12.34, '{\"a\": 1}', CURRENT_DATE, seq, 0.5"
        cursor.execute(f"{_COLUMNS} {values} FROM seq_1_to_{rows}")
        times.append(processor_seconds(cursor))
        cursor.execute("UPDATE t SET a = REPEAT('y', 30)")
        times.append(processor_seconds(cursor))
    return times[1] - times[0], times[2] - times[1]


def once(lab: Lab, *, captured: bool, rows: int, seconds: float) -> Mapping[str, float]:
    """All work with triggers, or without."""
    lab.run("DROP TABLE IF EXISTS t", _TABLE)
    plan = lab.plan("t") if captured else None
    if plan:
        install(lab.dsn, plan)
    small = small_transactions(lab, seconds)
    insert, update = bulk(lab, rows)
    if plan:
        lab.run("TRUNCATE rds_lake.outbox")
        uninstall(lab.dsn, plan)
    return {"oltp": small, "insert": insert, "update": update}
