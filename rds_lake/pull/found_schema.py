"""What a schema of PostgreSQL has before a pull: tables of earlier ones, and what is in the way."""

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
    "SELECT c.relname::text, c.oid::bigint, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = %s AND c.relname = ANY(%s)"
)
# https://www.postgresql.org/docs/current/limits.html
_MOST_BYTES, _MOST_COLUMNS = 63, 1_600
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
class FoundTables:
    """`relations`: oid and kind of what has the names of the plan's tables; `recorded`: what earlier pulls made."""

    schema_exists: bool
    has_record: bool
    relations: Mapping[str, tuple[int, str]]
    recorded: Mapping[str, _Recorded]

    def is_ours(self, view: str) -> bool:
        """Whether a pull made the table that is there, and nobody another one of its name since."""
        return view in self.recorded and self.recorded[view].oid == self.relations.get(view, (0, ""))[0]

    def whole(self, plan: Plan) -> dict[str, Loaded]:
        """The tables of the plan's export that are there."""
        wanted = (plan.source, plan.day.isoformat(), plan.export_task)
        return {
            view: known.loaded
            for view, known in self.recorded.items()
            if self.is_ours(view) and (known.source, known.day, known.export_task) == wanted
        }


def find_tables(session: Session, schema: str, views: Sequence[str]) -> FoundTables:
    """What the schema has of these names."""
    relations = {name: (oid, kind) for name, oid, kind in session.all(_RELATIONS, [schema, [*views, RECORD]])}
    has_record = RECORD in relations
    recorded: dict[str, _Recorded] = {}
    if has_record:
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
    return FoundTables(
        schema_exists=bool(session.ask("SELECT oid::bigint FROM pg_namespace WHERE nspname = %s", [schema])),
        has_record=has_record,
        relations=relations,
        recorded=recorded,
    )


def refuse_in_the_way(plan: Plan, schema: str, found: FoundTables, *, replace: bool) -> None:
    """PullError lists all tables that cannot come into the schema; nothing was changed."""
    problems = refuse_own_name(plan)
    for table in plan.tables:
        problems += _too_much(table)
        if table.view not in found.relations or found.is_ours(table.view):
            continue
        _, kind = found.relations[table.view]
        if kind not in "rp":
            problems.append(
                f"{table.view} is {_KINDS.get(kind, 'something else')} there; name another schema with --schema"
            )
        elif not replace:
            problems.append(
                f"{table.view} is there and was not pulled; replace it with --replace, or use another --schema"
            )
    if problems:
        raise PullError(
            f"these tables cannot come into the schema {schema}; nothing was changed. Leave them out with --except, or:",
            problems,
        )


def _too_much(table: PulledTable) -> list[str]:
    names = [table.view, *(column.name for column in table.columns)]
    long = [name for name in names if len(name.encode()) > _MOST_BYTES]
    problems = [
        f"{table.table}: the name {name} has {len(name.encode())} bytes, and PostgreSQL takes {_MOST_BYTES}: shorten it with "
        "`rename:` in lake.yaml"
        for name in long
    ]
    if len(table.columns) > _MOST_COLUMNS:
        problems.append(f"{table.table} has {len(table.columns):,} columns, and PostgreSQL takes {_MOST_COLUMNS:,}")
    return problems
