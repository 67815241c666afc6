"""`rds-lake warehouse reap`: the AWS objects that expired leases name, and their removal, until none of them exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from rich.console import Console

from rds_lake.console.tables import print_values
from rds_lake.stages.warehouse.leftovers import Thing
from rds_lake.stages.warehouse.reap import Reaped, reap
from rds_lake.stages.warehouse.warehouse import Warehouse

_COLUMNS = ("warehouse", "run", "what", "name", "found", "now")
_GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long `--apply` waits for AWS, in seconds. `clock` never goes back."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    pause: float = 10.0
    patience: float = 40 * 60.0


def reap_warehouses(warehouses: Sequence[Warehouse], *, apply: bool, pace: Pace, console: Console) -> None:
    """Show the existing AWS objects of expired leases; with `apply`, remove them and check until they are gone.

    ClickException if a warehouse could not be examined, or if something still exists after the time limit.
    """
    first = list(reap(warehouses, apply=apply))
    last = _until_gone(warehouses, first, pace) if apply else first
    rows = [row for before, after in zip(first, last, strict=True) for row in rows_of(before, after, apply=apply)]
    if rows:
        print_values(console, _COLUMNS, rows, title="Items of expired leases")
    for before in first:
        console.print(_sentence(before), markup=False, highlight=False)
    if rows and not apply:
        console.print("nothing was removed; repeat with [bold]--apply[/] to remove what is listed")
    problems = [
        f"{each.warehouse}: {each.error or 'not everything is gone yet'}" for each in last if apply and not each.done
    ]
    problems += [f"{each.warehouse}: {each.error}" for each in last if not apply and each.error]
    if problems:
        raise click.ClickException("\n".join(problems))


def rows_of(before: Reaped, after: Reaped, *, apply: bool) -> list[tuple[str, ...]]:
    """Returns a row for each object; with `apply` the last column is its current state."""
    still = {(thing.kind, thing.name): thing.state for thing in after.left}
    run = before.lease.run if before.lease is not None else ""

    def row(thing: Thing) -> tuple[str, ...]:
        now = still.get((thing.kind, thing.name), _GONE) if apply else ""
        return (before.warehouse, run, thing.kind, thing.name, thing.state, now)

    return [row(thing) for thing in before.left]


def _until_gone(warehouses: Sequence[Warehouse], first: list[Reaped], pace: Pace) -> list[Reaped]:
    began, reaped = pace.clock(), first
    while any(each.left for each in reaped) and pace.clock() - began < pace.patience:
        pace.sleep(pace.pause)
        reaped = list(reap(warehouses, apply=True))
    return reaped


def _sentence(reaped: Reaped) -> str:
    lease = reaped.lease
    if reaped.error is not None or lease is None:
        without = "it has no lease, but some of its AWS objects exist" if reaped.left else "it was never used"
        return f"{reaped.warehouse}: {reaped.error or without}"
    if reaped.due:
        return f"{reaped.warehouse}: the lease of run {lease.run} has expired"
    if reaped.left:
        return f"{reaped.warehouse}: {lease.state}, last by run {lease.run}; some of its AWS objects are in no lease"
    until = f" until {lease.expires_at:%Y-%m-%d %H:%M} UTC" if lease.expires_at is not None else ""
    return f"{reaped.warehouse}: {lease.state}, last by run {lease.run}{until}; there is nothing to remove"
