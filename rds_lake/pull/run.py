"""Pulls the tables of a plan into a target, several at once; a table that fails does not stop the others.

What belongs here: the order of tables, and errors. `duckdb_file.py` and `postgres.py` write the tables.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import PullError
from rds_lake.model.words import counted
from rds_lake.pull.fetch import fetched
from rds_lake.pull.plan import Plan, PulledTable
from rds_lake.pull.target import Loaded, Opened, Target, UnfitError
from rds_lake.threads import cancelling_threads, check


class PullProgress(Protocol):
    """Receives the progress of a pull; called from many threads."""

    def moved(self, rows: int) -> None:
        """`rows` more rows were written; negative if the table starts again."""
        ...

    def loaded(self, table: PulledTable, loaded: Loaded) -> None:
        """The table is complete."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The tables that were pulled, the tables that were complete before, and the reasons of failures, by view."""

    loaded: tuple[Loaded, ...]
    kept: tuple[Loaded, ...]
    problems: dict[str, str] = field(default_factory=dict)


@contextmanager
def scratch_folder(within: Path | None) -> Iterator[Path]:
    """A temporary folder for the files of a pull; it is deleted when the block ends."""
    folder = Path(mkdtemp(prefix="rds-lake-pull-", dir=within))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pull(plan: Plan, target: Target, s3: S3Gateway, *, scratch: Path, parallel: int, progress: PullProgress) -> Outcome:
    """Pull the tables of the plan, the biggest first. PullError lists every table that failed, and why.

    A lost connection or a full disk stops all tables. Complete tables are kept, and a later pull does not repeat them.
    """
    with target.open(plan) as opened:
        kept = [opened.whole[table.view] for table in plan.tables if table.view in opened.whole]
        for table in plan.tables:
            if table.view in opened.whole:
                progress.moved(table.rows)
        problems = dict(opened.refused)
        todo = [table for table in plan.tables if table.view not in opened.whole and table.view not in problems]
        loaded = _load_all(todo, opened, s3, scratch, parallel, progress, problems)
        if problems:
            whole = len(loaded) + len(kept)
            raise PullError(
                f"{whole} of {counted(len(plan.tables), 'table')} of {plan.source} {plan.day} are complete and kept; these failed:",
                [f"{view}: {problem}" for view, problem in problems.items()],
            )
    return Outcome(loaded=tuple(loaded), kept=tuple(kept))


def _load_all(
    tables: list[PulledTable],
    opened: Opened,
    s3: S3Gateway,
    scratch: Path,
    parallel: int,
    progress: PullProgress,
    problems: dict[str, str],
) -> list[Loaded]:
    def load(table: PulledTable) -> Loaded | None:
        try:
            return load_table(table, opened, s3, scratch, progress)
        except PullError as error:
            problems[table.view] = str(error)
            return None

    with cancelling_threads(parallel, "pull", interrupt=opened.interrupt) as pool:
        return [loaded for loaded in pool.map(load, tables) if loaded is not None]


def load_table(table: PulledTable, opened: Opened, s3: S3Gateway, scratch: Path, progress: PullProgress) -> Loaded:
    """Pull one table. If a value does not fit its column's type, start again with the next type for that column."""
    chosen: dict[str, int] = defaultdict(int)
    while True:
        check()
        moved = 0

        def move(rows: int) -> None:
            nonlocal moved
            moved += rows
            progress.moved(rows)

        try:
            with fetched(s3, table, scratch) as readings:
                loaded = opened.load(table, chosen, readings, moved=move)
        except UnfitError as error:
            progress.moved(-moved)
            _choose_again(table, chosen, error)
            continue
        progress.loaded(table, loaded)
        return loaded


def _choose_again(table: PulledTable, chosen: dict[str, int], error: UnfitError) -> None:
    by_name = {column.name: column for column in table.columns}
    for name in error.columns:
        chosen[name] += 1
        if chosen[name] == len(by_name[name].ways):
            raise PullError(
                f"column {name} has a value that no type of the target can hold: {error.__cause__ or error}"
            )
    if not error.columns:
        raise PullError(f"the target refused a value, and its column is not known: {error.__cause__ or error}")
