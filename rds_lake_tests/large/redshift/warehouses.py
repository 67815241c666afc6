"""A warehouse killed after each of its calls, in bad weather, and for a month: nothing is left, and no more is billed than allowed.

    python -m bench.warehouses                # every call, 50 seeds, 30 nights: some minutes
    python -m bench.warehouses --seeds 5      # less weather

The reaper's table after the deaths is printed: what its passes found, by kind, and what is left.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.stages.warehouse.reap import Reaped
from rds_lake_tests.stages.warehouse.standing.killing import Gallows, deaths
from rds_lake_tests.stages.warehouse.standing.month import Month
from rds_lake_tests.stages.warehouse.standing.weather import Day
from rds_lake_tests.stages.warehouse.standing.yard import Yard

MODES: list[dict[str, Any]] = [{"mode": "cluster"}, {"mode": "serverless", "keep": False}]


@click.command()
@click.option("--seeds", default=50, show_default=True, help="Days of bad weather.")
@click.option("--nights", default=30, show_default=True, help="Of the month.")
def main(seeds: int, nights: int) -> None:
    """Play all three."""
    with LocalCloud({}) as cloud:
        os.environ.update(environment(cloud.url))
        gallows: Any = Gallows(cloud)
        inspector = InProcessClients(cloud.app)
        mortal = Yard(cloud=cloud, inspector=inspector, workers=InProcessClients(gallows))
        for settings in MODES:
            _deaths(mortal, gallows, settings)
        yard = Yard(cloud=cloud, inspector=inspector, workers=inspector)
        _weather(yard, seeds)
        _month(yard, nights)
    exit_by_bars()


def _deaths(yard: Yard, gallows: Gallows, settings: dict[str, Any]) -> None:
    found: Counter[str] = Counter()
    reaped: list[Reaped] = []
    count = deaths(yard, gallows, settings, every=1, say=reaped.append)
    for each in reaped:
        found.update({f"{thing.kind} {thing.state.partition(';')[0]}" for thing in each.left})
    click.echo(
        f"\n{settings['mode']}: killed after each of {count} calls; what passes of the reaper found, and what is left now"
    )
    for what, number in sorted(found.items()):
        click.echo(f"  {what:<40} {number:>4}    gone")
    bar(f"things_left_of_{count}_deaths_({settings['mode']})", len(yard.census()), 0, at_most=True)


def _weather(yard: Yard, seeds: int) -> None:
    left = 0
    for seed in range(seeds):
        day = Day(yard=yard, dice=Random(seed))
        if rest := day.play():
            left += 1
            click.echo(f"seed {seed}: {rest}\n  {day.events}")
    bar(f"days_of_{seeds}_with_anything_left", left, 0, at_most=True)


def _month(yard: Yard, nights: int) -> None:
    bills = Month(yard=yard, dice=Random(1)).play(nights)
    over = [each for each in bills if each.is_over]
    billed, allowed = sum(each.billed for each in bills), sum(each.allowed for each in bills)
    deleting = sum(each.existed - each.billed for each in bills)
    click.echo(
        f"{nights} nights: {billed:.0f} minutes billed, {allowed:.0f} allowed; AWS deleted for {deleting:.0f} more"
    )
    bar(f"nights_of_{nights}_that_cost_more_than_they_may", len(over), 0, at_most=True)


if __name__ == "__main__":
    main()
