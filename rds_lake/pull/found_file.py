"""What a DuckDB file has that is there before a pull: of which date it is, and whether it may be replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rds_lake.errors import PullError
from rds_lake.pull.plan import Plan
from rds_lake.pull.target import RECORD, Loaded

MAKE_RECORD = (
    f"CREATE TABLE {RECORD} (source VARCHAR, snapshot_date DATE, export_task VARCHAR, view VARCHAR PRIMARY KEY, "
    "source_table VARCHAR, row_count BIGINT, other_types JSON, pulled_at TIMESTAMPTZ)"
)
_RECORDED = f"SELECT view, row_count, other_types FROM {RECORD}"
_OF_WHAT = f"SELECT DISTINCT source, CAST(snapshot_date AS VARCHAR), export_task FROM {RECORD}"
_OTHERS = (
    "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database() "
    f"AND table_name <> '{RECORD}' AND (table_schema <> 'main' OR table_name NOT IN (SELECT view FROM {RECORD})) ORDER BY ALL"
)
_ELSE = "name another file, or replace it with --replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """Source, date and export of the tables that are whole in the file (empty where there are none), and tables of others."""

    source: str
    day: str
    export_task: str
    whole: Mapping[str, Loaded]
    others: tuple[str, ...]

    def is_of(self, plan: Plan) -> bool:
        """Whether its tables are of the plan's export."""
        return (self.source, self.day, self.export_task) == (plan.source, plan.day.isoformat(), plan.export_task)

    def has_all(self, plan: Plan) -> bool:
        """Whether nothing of the plan is left to do."""
        return self.is_of(plan) and all(table.view in self.whole for table in plan.tables)


def find_file(path: Path) -> FoundFile | None:
    """What the file has; None where there is none. PullError where it is not of a pull, or in use."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            of_what = connection.execute(_OF_WHAT).fetchall()
            whole = read_loaded(connection)
            others = tuple(name for (name,) in connection.execute(_OTHERS).fetchall())
    except duckdb.IOException as error:
        raise unusable(path, error) from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise PullError(f"{path} was not made by rds-lake pull; {_ELSE}") from error
    source, day, export_task = of_what[0] if len(of_what) == 1 else ("", "", "")
    return FoundFile(source=source, day=day, export_task=export_task, whole=whole, others=others)


def read_loaded(connection: duckdb.DuckDBPyConnection) -> dict[str, Loaded]:
    """The tables that are whole."""
    rows = connection.execute(_RECORDED).fetchall()
    return {view: Loaded(view=view, rows=count, kinds=json.loads(kinds)) for view, count, kinds in rows}


def refuse_other(path: Path, found: FoundFile, plan: Plan) -> None:
    """PullError where a new date must not take the place of what the file has."""
    if found.source != plan.source:
        raise PullError(f"{path} has tables of {found.source or 'several dates'}, not of {plan.source}; {_ELSE}")
    if found.others:
        more = ", …" if len(found.others) > 5 else ""
        raise PullError(
            f"{path} has more than pulled tables ({', '.join(found.others[:5])}{more}), which the new file would not have; {_ELSE}"
        )


def unusable(path: Path, error: duckdb.IOException) -> PullError:
    """What a person does about a file that DuckDB does not open."""
    if "lock" in str(error):
        return PullError(f"{path} is open in another process; wait for it or end it, and repeat")
    return PullError(f"{path} is no DuckDB file that can be read here; {_ELSE}")
