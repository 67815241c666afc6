"""A day of changes of `capture: lambda` on a bad way, and what the next snapshot says of it: the large version of `test_arrived.py`.

    python -m bench.arrivals                    # 20,000 changes of each engine: some minutes
    python -m bench.arrivals --changes 100000

5 % are lost, 2 % are of transactions that are rolled back, 5 % are doubled, all are shuffled over the hours; then a day on which
nothing is lost. PostgreSQL's changes have transactions; of MySQL's a fifth have a time at which they still waited for their row.
"""

from __future__ import annotations

import os
import time

import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.environment import environment
from rds_lake_tests.large.lake import lake_alone
from rds_lake_tests.stages.streams.collecting.arrived_bench import ArrivedBench
from rds_lake_tests.stages.streams.collecting.day import Day, day_of, found_share, keys_named


def day(engine: str, changes: int, seed: int, **way: float) -> Day:
    """A day in a lake of its own."""
    with lake_alone() as lake:
        bench = ArrivedBench(
            lake=lake, query=lambda sql: list(lake.athena.run(sql, database="shop").rows), engine=engine
        )
        began = time.perf_counter()
        made = day_of(bench, seed=seed, changes=changes, keys=max(changes // 6, 1), per_object=40, **way)
        click.echo(f"{engine}: {changes:,} changes, {time.perf_counter() - began:.0f} s; {', '.join(bench.lines[:1])}")
        return made


def report(engine: str, bad: Day) -> None:
    """What was injected, and what was found of it."""
    drift, named = bad.drift, keys_named(bad.drift)
    click.echo(
        f"{engine}: {len(bad.final):,} rows changed by a loss, {len(bad.inner):,} other losses, {len(bad.phantoms):,} phantoms; told: "
        f"{drift.rows:,} rows, lost at {drift.lost:,} places, {drift.phantom:,} rolled back"
    )
    bar(f"{engine}_final_losses_found", len(bad.final & named) / len(bad.final), 1)
    bar(f"{engine}_other_losses_found", found_share(bad), 0.95)


@click.command()
@click.option("--changes", default=20_000, show_default=True)
@click.option("--seed", default=7, show_default=True)
def main(changes: int, seed: int) -> None:
    """Each engine: a bad day, and a clean one."""
    os.environ.update(environment("http://127.0.0.1:9") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    for engine in ("postgres", "mysql"):
        report(engine, day(engine, changes, seed, lose_percent=5, phantom_percent=2, repeat_percent=5))
        clean = day(engine, changes, seed + 1, repeat_percent=5)
        told = clean.drift.rows + clean.drift.lost + clean.drift.phantom + clean.drift.keys_beyond
        bar(f"{engine}_alarms_on_a_clean_day", told, 0, at_most=True)
        bar(f"{engine}_live_is_the_table", float(clean.live == clean.rows), 1)
    exit_by_bars()


if __name__ == "__main__":
    main()
