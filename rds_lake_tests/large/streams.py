"""Streams as a whole, on both engines: 100,000 changes of eight writers, and twenty snapshots at random moments, each rebuilt.

    python -m bench.streams [--changes 100000] [--snapshots 20] [--seed 1] [--engine mysql] [--mutation max-id]

Generated triggers, the real forwarder, snapshots taken while transactions are open, exports, compaction and live views; with
rollbacks, savepoints, transactions of two seconds, changes of keys, cascades (PostgreSQL), ADD COLUMN in the middle, and transfers
between two tables. What is judged, and what the table's columns mean: `rds_lake_tests/stages/streams/whole/bar.py`. A mutation breaks
one thing, and has to be noticed.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

import rds_lake_tests.fixtures  # noqa: F401 - before any client: no call may reach a real account
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.stages.streams.whole.bar import play
from rds_lake_tests.stages.streams.whole.lab import open_lab
from rds_lake_tests.stages.streams.whole.mutations import MUTATIONS
from rds_lake_tests.stages.streams.whole.shop import Shop


@click.command()
@click.option("--changes", default=100_000, show_default=True, help="So many at least, of each engine.")
@click.option("--snapshots", default=20, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--pause", default=0.0, show_default=True, help="Seconds at most between two transactions of a writer.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(["postgres", "mysql"]), help="Default: both.")
@click.option("--mutation", type=click.Choice(sorted(MUTATIONS)), help="Break this; the exit code must be 1.")
def main(changes: int, snapshots: int, seed: int, pause: float, engines: tuple[str, ...], mutation: str | None) -> None:
    """Play it on each engine, and print the tables."""
    broken = [
        engine
        for engine in engines or ("postgres", "mysql")
        if not _holds(engine, changes, snapshots, seed, pause, mutation)
    ]
    if broken:
        sys.exit(f"broken: {', '.join(broken)}")


def _holds(engine: str, changes: int, snapshots: int, seed: int, pause: float, mutation: str | None) -> bool:
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres() if engine == "postgres" else EmbeddedMariaDb())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rds-lake-streams-")))
        lab = stack.enter_context(open_lab(Shop(url=server.create_database("bar")).create(), directory))
        if mutation:
            lab = replace(lab, mutate=stack.enter_context(MUTATIONS[mutation]()))
        click.echo(f"{engine}, seed {seed}{f', mutation {mutation}' if mutation else ''}")
        played = play(lab, changes=changes, snapshots=snapshots, seed=seed, pause=pause, say=click.echo)
    right = sum(line.holds for line in played.lines)
    click.echo(
        f"{engine}: {right} of {len(played.lines)} snapshots and live views right; {played.changes:,} changes in {played.cuts:,} "
        f"cuts, {played.seconds:.0f} s; all changes together are the database: {'yes' if played.ends_equal else 'NO'}"
    )
    return played.holds


if __name__ == "__main__":
    main()
