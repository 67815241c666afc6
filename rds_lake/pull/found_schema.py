"""Reads a PostgreSQL schema before the pull: tables of earlier pulls, and other objects with the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.errors import PullError
from rds_lake.pull.plan import Plan, PulledTable
from rds_lake.pull.postgres_session import Session
from rds_lake.pull.target import RECORD, Loaded, refuse_own_name
from rds_lake.sql.quoting import qualified

RECORD_COLUMNS = (
    "source text NOT NULL, snapshot_date date NOT NULL, export_task text NOT NULL, view_name text PRIMARY KEY, "
    "source_table text NOT NULL, row_count bigint NOT NULL, other_types json NOT NULL, table_oid oid NOT NULL, "
    "pulled_at timestamptz NOT NULL"
)
_RELATIONS = (
    "SELECT c.relname::text, c.oid::bigint, c.relkind::text, pg_has_role(c.relowner, 'USAGE') FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY(%s)"
)
# https://www.postgresql.org/docs/current/limits.html
MOST_BYTES, _MOST_COLUMNS = 63, 1_600
# https://www.postgresql.org/docs/current/ddl-system-columns.html
_SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "i": "an index",
    "S": "a sequence",
    "c": "a type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    source: str
    day: str
    export_task: str
    oid: int
    loaded: Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNames:
    """Objects with the names of the plan's tables, or of the record of pulls. `namespace`: the schema's oid, None if it is missing.

    `relations`: oid and kind, by name. `foreign`: the names that belong to another user, so that this user cannot drop them.
    """

    namespace: int | None
    relations: Mapping[str, tuple[int, str]]
    foreign: frozenset[str]

    @property
    def record(self) -> int | None:
        """The oid of the table that records earlier pulls."""
        return self.relations[RECORD][0] if RECORD in self.relations else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTables:
    """The tables in the schema. `recorded`: tables that earlier pulls made."""

    names: FoundNames
    recorded: Mapping[str, _Recorded]

    def is_ours(self, view: str) -> bool:
        """Whether the existing table is the one that a pull made, not a later table with the same name."""
        return view in self.recorded and self.recorded[view].oid == self.names.relations.get(view, (0, ""))[0]

    def whole(self, plan: Plan) -> dict[str, Loaded]:
        """Returns the complete tables of the plan's export, by view."""
        wanted = (plan.source, plan.day.isoformat(), plan.export_task)
        return {
            view: known.loaded
            for view, known in self.recorded.items()
            if self.is_ours(view) and (known.source, known.day, known.export_task) == wanted
        }


def find_names(session: Session, schema: str, views: Sequence[str]) -> FoundNames:
    """Returns the schema, and its objects with these names; needs no privileges on them."""
    rows = session.all(_RELATIONS, [schema, [*views, RECORD]])
    return FoundNames(
        namespace=session.ask("SELECT oid::bigint FROM pg_namespace WHERE nspname = %s", [schema]),
        relations={name: (oid, kind) for name, oid, kind, _ in rows},
        foreign=frozenset(name for name, _, _, is_mine in rows if not is_mine),
    )


def find_tables(session: Session, schema: str, names: FoundNames, *, may_read: bool) -> FoundTables:
    """Returns the objects that earlier pulls made. `may_read`: whether this user may read the record of pulls."""
    recorded: dict[str, _Recorded] = {}
    if names.record is not None and may_read:
        query = (
            "SELECT source, snapshot_date::text, export_task, view_name, row_count, other_types, table_oid::bigint "
            f"FROM {qualified(schema, RECORD)}"
        )
        recorded = {
            view: _Recorded(
                source=source, day=day, export_task=task, oid=oid, loaded=Loaded(view=view, rows=rows, kinds=kinds)
            )
            for source, day, task, view, rows, kinds, oid in session.all(query, [])
        }
    return FoundTables(names=names, recorded=recorded)


def refuse_in_the_way(
    plan: Plan, schema: str, existing: FoundTables, *, replace: bool, missing: Sequence[str] = ()
) -> None:
    """PullError with all tables that cannot be written to the schema, and the `missing` rights. Changes nothing."""
    problems = [*missing, *refuse_own_name(plan)]
    for table in plan.tables:
        if table.view in existing.names.relations and not too_much(table):
            problems += _in_the_way(plan, table, existing, replace=replace, is_known=not missing)
    if problems:
        raise PullError(
            f"these tables cannot be written to the schema {schema}; nothing was changed. Leave them out with --except, or:"
            if not missing
            else f"nothing can be pulled into the schema {schema}; nothing was changed:",
            problems,
        )


def _in_the_way(plan: Plan, table: PulledTable, existing: FoundTables, *, replace: bool, is_known: bool) -> list[str]:
    view, (_, kind) = table.view, existing.names.relations[table.view]
    if kind not in "rp":
        return [f"{view} is {_KINDS.get(kind, 'something else')} in this schema; use another --schema"]
    if view in existing.names.foreign:
        return [
            f"{view} belongs to another user, so this user cannot replace it; use another --schema, or connect as the owner"
        ]
    if replace or not is_known:  # the record cannot be read, so it is unknown who made the table
        return []
    if not existing.is_ours(view):
        return [f"{view} exists already and no pull made it; replace it with --replace, or use another --schema"]
    if existing.recorded[view].source != plan.source:
        return [
            f"{view} exists already, pulled from {existing.recorded[view].source}; use another --schema, or replace it with --replace"
        ]
    return []


def too_wide(plan: Plan) -> dict[str, str]:
    """Returns, by view, why PostgreSQL cannot store a table."""
    return {table.view: "; ".join(problems) for table in plan.tables if (problems := too_much(table))}


def too_much(table: PulledTable) -> list[str]:
    """Returns the limits of PostgreSQL that the table exceeds, as sentences."""
    columns = [column.name for column in table.columns]
    problems = [
        f"the name {name} of {table.table} has {len(name.encode())} bytes, and PostgreSQL allows {MOST_BYTES}: shorten it with "
        "`rename:` in lake.yaml"
        for name in (table.view, *columns)
        if len(name.encode()) > MOST_BYTES
    ]
    problems += [
        f"PostgreSQL reserves the column name {name}: rename the column of {table.table} with `rename:` in lake.yaml"
        for name in columns
        if name in _SYSTEM_COLUMNS
    ]
    if len(columns) > _MOST_COLUMNS:
        problems.append(
            f"it has {len(columns):,} columns, and PostgreSQL allows {_MOST_COLUMNS:,}: leave it out with --except, or pull it into "
            "a DuckDB file"
        )
    return problems
