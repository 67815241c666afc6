"""`rds-lake prune`: shows what would be removed and why, and removes it with a progress bar.

`stages/upkeep/prune.py` decides what is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rds_lake.console.connect import Connected
from rds_lake.console.prune_json import prune_json
from rds_lake.console.sentences import EachSource
from rds_lake.model.words import counted
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import Pruned, PrunePlan, apply_prune, plan_prune
from rds_lake.stages.upkeep.retention import STANDS_ON, busy_by_marks


def prune(
    connected: Connected,
    names: tuple[str, ...],
    *,
    apply: bool,
    now: datetime,
    console: Console,
    notes: Console | None = None,
) -> None:
    """Show what would be removed; with `apply`, remove it. With `notes`, JSON is printed, and all other text goes there.

    A source of which something cannot be read or removed stops no other: its error is raised at the end.
    """
    each, plans = EachSource(), list[PrunePlan]()
    exports = Exports.read(connected.config, connected.rds, connected.lake.s3)
    for source in connected.sources(names):
        with each.source(source.name):
            plans.append(plan_prune(connected.config, source, exports, rds=connected.rds, lake=connected.lake, now=now))
    if notes is not None:
        done = _apply(connected, plans, notes, each, now=now) if apply else None
        click.echo(prune_json(plans, done))
    else:
        _show_or_apply(connected, plans, console, each, apply=apply, now=now)
    each.raise_errors()


def _show_or_apply(
    connected: Connected,
    plans: Sequence[PrunePlan],
    console: Console,
    each: EachSource,
    *,
    apply: bool,
    now: datetime,
) -> None:
    _show(console, plans)
    for plan in plans:
        rule = "" if plan.source.retention else "; it has no `retention:` in lake.yaml"
        console.print(
            f"{plan.source.name}: {counted(len(plan.retention.kept), 'date', 'stays', 'stay')}{rule}", highlight=False
        )
    if not sum(plan.items for plan in plans):
        console.print("nothing to remove")
    elif not apply:
        console.print("nothing was removed; repeat with [bold]--apply[/] to remove what is listed")
    if apply:
        _apply(connected, plans, console, each, now=now)


def _apply(
    connected: Connected, plans: Sequence[PrunePlan], console: Console, each: EachSource, *, now: datetime
) -> dict[str, Pruned]:
    """Removes what the plans name. Returns what was removed, by source, without sources whose removal ended with an error."""
    lake = connected.lake
    columns = (TextColumn("removing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=sum(plan.items for plan in plans))

        def log(line: str) -> None:
            progress.console.print(line, markup=False, highlight=False)
            progress.advance(bar)

        done: dict[str, Pruned] = {}
        for plan in plans:
            name = plan.retention.source
            look = partial(busy_by_marks, lake.s3, lake.layout, name, now=now)
            with each.source(name):
                done[name] = apply_prune(lake, plan, busy=look, log=log)
    console.print(f"{decimal(sum(pruned.bytes for pruned in done.values()))} removed")
    return done


def _show(console: Console, plans: Sequence[PrunePlan]) -> None:
    table = Table(title="Not kept by any rule, and not used", title_justify="left")
    for column in ("source", "what", "where", "age", "size", "why"):
        table.add_column(column, justify="right" if column in ("age", "size") else "left", overflow="fold")
    for plan in plans:
        for removal in plan.retention.removals:
            manifest = removal.manifest
            where = f"{removal.snapshot_date}, {counted(len(manifest.tables), 'table')}"
            why = "`retention:` does not keep it"
            table.add_row(plan.retention.source, "date", where, "", decimal(manifest.bytes), why)
        for orphan in (*plan.orphans, *plan.left):
            what = orphan.kind if orphan.removable else f"{orphan.kind}, [bold]stays[/]"
            age = f"{orphan.age.total_seconds() / 86400:.0f} d"
            table.add_row(orphan.source, what, escape(orphan.key), age, decimal(orphan.bytes), escape(orphan.why))
        for item in plan.changes.items:
            table.add_row(plan.source.name, item.what, escape(item.where), "", decimal(item.bytes), escape(item.why))
        for day in (day for day, why in plan.retention.kept.items() if why == STANDS_ON):
            table.add_row(plan.source.name, "date, [bold]stays[/]", day.isoformat(), "", "", escape(STANDS_ON))
        if plan.changes.problem:
            table.add_row(plan.source.name, "cuts, [bold]stay[/]", "", "", "", escape(plan.changes.problem))
        for problem in plan.retention.damaged:
            table.add_row(plan.retention.source, "date, [bold]stays[/]", "", "", "", escape(problem))
    if table.row_count:
        console.print(table)
        console.print(
            f"{counted(sum(plan.items for plan in plans), 'item')}, {decimal(sum(plan.bytes for plan in plans))}"
        )
