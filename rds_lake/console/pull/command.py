"""`rds-lake pull`: runs the pull, shows its progress, and prints the result."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rds_lake.console.connect import Connected
from rds_lake.model.words import counted
from rds_lake.pull.duckdb_file import DuckDbFile
from rds_lake.pull.engine import Room
from rds_lake.pull.plan import Asked, Plan, PulledTable, plan_pull
from rds_lake.pull.run import Outcome, scratch_folder
from rds_lake.pull.run import pull as pull_plan
from rds_lake.pull.target import Loaded, Target
from rds_lake.stages.diff.keys import keys_of_dynamodb


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The arguments. `target`: a path, or a URL that may contain a password and is never shown."""

    target: str = field(repr=False)
    is_postgres: bool
    day: date | None
    tables: tuple[str, ...]
    excepted: tuple[str, ...]
    schema: str
    replace: bool
    with_keys: bool
    parallel: int
    memory: str
    scratch: Path | None


def pull(connected: Connected, source: str, wanted: Wanted) -> None:
    """Pull the tables and print the result. PullError if some tables failed."""
    settings = connected.config.source(source)
    asked = Asked(day=wanted.day, tables=wanted.tables, excepted=wanted.excepted, with_keys=wanted.with_keys)
    console = Console(stderr=True)
    with scratch_folder(wanted.scratch) as scratch:
        target = _target(wanted, scratch)
        with console.status(f"reading the table list of {source}"):
            plan = plan_pull(
                connected.lake,
                settings,
                asked,
                make_column=target.make_column,
                known_key=keys_of_dynamodb(connected.dynamodb),
            )
        for table in plan.without_view:
            console.print(f"{table} is left out, as it has no view in Athena", style="yellow", highlight=False)
        with closing(_Shown(console, plan)) as shown:
            outcome = pull_plan(
                plan, target, connected.lake.s3, scratch=scratch, parallel=wanted.parallel, progress=shown
            )
    _report(console, plan, outcome, wanted)


def _target(wanted: Wanted, scratch: Path) -> Target:
    room = Room(scratch=scratch, memory=wanted.memory)
    if wanted.is_postgres:
        from rds_lake.pull.postgres import PostgresSchema  # needs psycopg, which a DuckDB file does not

        return PostgresSchema(
            url=wanted.target, schema=wanted.schema, room=room, replace=wanted.replace, parallel=wanted.parallel
        )
    return DuckDbFile(path=Path(wanted.target), room=room, replace=wanted.replace)


def _report(console: Console, plan: Plan, outcome: Outcome, wanted: Wanted) -> None:
    rows = sum(loaded.rows for loaded in outcome.loaded)
    size = decimal(sum(table.bytes for table in plan.tables))
    where = f"schema {wanted.schema} of the database" if wanted.is_postgres else wanted.target
    pulled = f"{counted(len(outcome.loaded), 'table')}, {counted(rows, 'row')} of {plan.source} {plan.day} pulled into {where}"
    kept = f"; {len(outcome.kept)} existed already" if outcome.kept else ""
    console.print(f"{pulled}{kept} (the date has {size} in S3)", highlight=False, soft_wrap=True, markup=False)


class _Shown:
    """A progress bar over all rows, and a line for every column that did not get its preferred type."""

    def __init__(self, console: Console, plan: Plan) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._all: TaskID = self._progress.add_task("rows", total=sum(table.rows for table in plan.tables))
        self._lock = threading.Lock()
        self._progress.start()

    def moved(self, rows: int) -> None:
        """Advance the bar by `rows`."""
        self._progress.advance(self._all, rows)

    def loaded(self, table: PulledTable, loaded: Loaded) -> None:
        """Print the table's notes, such as columns with another type."""
        notes = [
            f"{table.view}.{name} is {kind}: at least one value does not fit a better type"
            for name, kind in loaded.kinds.items()
        ]
        notes += [f"{table.view}.{column.name}: {note}" for column in table.columns for note in column.notes]
        with self._lock:
            for note in notes:
                self._progress.console.print(note, highlight=False, soft_wrap=True, markup=False)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()
