"""What triggers cost writers: the same work without capture, with row-level and with statement-level triggers, in turns.

    python -m bench.capture_cost                     # some minutes
    python -m bench.capture_cost --engine mariadb    # of one engine

Each round does all three one after the other, and a ratio is of two times of one round. Times are the processor's, of the
server's processes and, for small transactions, of the writers' as well: what the work takes on a machine that does nothing else,
whatever this one does. (Linux: /proc.) The table has eight columns of the usual types; the server does not wait for a disk, which
makes capture look dearer than it is.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString, TypeAlias

import click
import psycopg

from bench.bars import bar, exit_by_bars
from bench.writers import seconds_of_a_transaction
from rds_lake.database.capture.install import uninstall
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.streams.captured import Level
from rds_lake_tests.database.capture.captured import capture, dsn_of
from rds_lake_tests.database.capture.mysql.lab import Lab
from rds_lake_tests.large.changes.capture_cost_mysql import once as mariadb_once

_TABLE = """
DROP TABLE IF EXISTS t;
CREATE TABLE t (id bigint PRIMARY KEY, a text, b numeric(12,2), at timestamptz DEFAULT now(), j jsonb, d date DEFAULT current_date,
                e int, f float8)
"""
_INSERT: LiteralString = "INSERT INTO t (id, a, b, j, e, f) "
_ROW_LEVEL = {"oltp": 1.5, "insert": 10.0, "update": 10.0}
GOALS = {"row_level": _ROW_LEVEL, "statement_level": {"insert": 3.5, "update": 3.5}, "mariadb": _ROW_LEVEL}
# Level, seconds of each kind of work without triggers, and with them.
Measured: TypeAlias = tuple[str, Mapping[str, float], Mapping[str, float]]


def processor_seconds(connection: psycopg.Connection[Any]) -> float:
    """What the processor has done for the connection in the server."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def small_transactions(url: str, seconds: float) -> float:
    """Seconds of a transaction of three statements, of several writers at once."""

    def transaction(connection: psycopg.Connection[Any], at: int) -> None:
        connection.execute(_INSERT + "VALUES (%s, %s, 12.34, '{\"a\": 1}', 7, 0.5)", [at, "x" * 30])
        connection.execute("UPDATE t SET a = %s WHERE id = %s", ["y" * 30, at])
        if at % 3 == 0:
            connection.execute("DELETE FROM t WHERE id = %s", [at])
        connection.commit()

    return seconds_of_a_transaction(lambda: psycopg.connect(url), transaction, processor_seconds, seconds)


def bulk(url: str, rows: int) -> tuple[float, float]:
    """Seconds of one INSERT and of one UPDATE of so many rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE t")
        times = [processor_seconds(connection)]
        connection.execute(
            _INSERT + "SELECT g, repeat('x', 30), 12.34, '{\"a\": 1}', g, 0.5 FROM generate_series(1, %s) g", [rows]
        )
        times.append(processor_seconds(connection))
        connection.execute("UPDATE t SET a = repeat('y', 30)")
        times.append(processor_seconds(connection))
    return times[1] - times[0], times[2] - times[1]


def once(url: str, level: Level | None, *, rows: int, seconds: float) -> Mapping[str, float]:
    """All work with triggers of the level, or without."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
    plan = capture(url, "t", level=level) if level else None
    small = small_transactions(url, seconds)
    insert, update = bulk(url, rows)
    if plan:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("TRUNCATE rds_lake.outbox")
        uninstall(dsn_of(url), plan)
    return {"oltp": small, "insert": insert, "update": update}


def on_postgres(rounds: int, *, rows: int, seconds: float) -> Iterator[Measured]:
    """Both levels, each round."""
    with EmbeddedPostgres() as server:
        url = server.create_database("cost")
        for _ in range(rounds):
            free = once(url, None, rows=rows, seconds=seconds)
            yield from ((level.value, free, once(url, level, rows=rows, seconds=seconds)) for level in Level)


def on_mariadb(rounds: int, *, rows: int, seconds: float) -> Iterator[Measured]:
    """The one level there is."""
    with EmbeddedMariaDb() as server:
        lab = Lab(server.create_database("cost"))
        for _ in range(rounds):
            free = mariadb_once(lab, captured=False, rows=rows, seconds=seconds)
            yield "mariadb", free, mariadb_once(lab, captured=True, rows=rows, seconds=seconds)


_ENGINES = {"postgres": on_postgres, "mariadb": on_mariadb}


@click.command()
@click.option("--engine", "engines", type=click.Choice(list(_ENGINES)), multiple=True, default=list(_ENGINES))
@click.option("--rows", default=100_000, show_default=True)
@click.option("--seconds", default=3.0, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(engines: Sequence[str], rounds: int, **sizes: Any) -> None:
    """Measure, print every round, and hold the bars."""
    ratios: dict[tuple[str, str], list[float]] = {}
    for engine in engines:
        for name, free, taken in _ENGINES[engine](rounds, **sizes):
            for work in taken:
                ratios.setdefault((name, work), []).append(taken[work] / free[work])
            click.echo(f"{name}: {', '.join(f'{work} {taken[work] / free[work]:.1f}x' for work in taken)}")
    for (name, work), found in ratios.items():
        middle = statistics.median(found)
        click.echo(f"{name} {work}: {middle:.2f}x (from {min(found):.2f} to {max(found):.2f})")
        if goal := GOALS[name].get(work):
            bar(f"capture_{name}_{work}", middle, goal, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
