"""Describes tables of a PostgreSQL database from its catalogue, with the reasons why one cannot be captured.

What belongs here: queries of the catalogue, and a sentence for each reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.database.capture.postgres_session import postgres_session
from rds_lake.database.dsn import Dsn
from rds_lake.model.streams.captured import OWN_SCHEMA, Capture, CapturedColumn, CapturedTable, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.plan import Described

_OLDEST = 140000
_TABLES = """
SELECT n.nspname, c.relname, c.relkind::text, c.relpersistence::text, c.relispartition,
       (SELECT format('%%s.%%s', pn.nspname, p.relname) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid LIMIT 1) AS parent,
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_children,
       EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class f ON f.oid = p.relid WHERE f.relkind = 'f') AS has_foreign,
       (SELECT array_agg(a.attname::text ORDER BY k.at) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, at)
        JOIN pg_attribute a ON a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid) AS key,
       (SELECT NOT i.indimmediate FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS deferrable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND c.relkind NOT IN ('i', 'I', 't', 'c')
"""
# A domain is replaced by its base type, as in the export; the conversion to text uses that type.
_COLUMNS = """
WITH RECURSIVE made (relation, attnum, type, modifier) AS (
  SELECT a.attrelid, a.attnum, a.atttypid, a.atttypmod
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT m.relation, m.attnum, t.typbasetype, t.typtypmod
  FROM made m JOIN pg_type t ON t.oid = m.type WHERE t.typtype = 'd'
)
SELECT n.nspname, c.relname, a.attname, format_type(m.type, m.modifier), NOT a.attnotnull, a.attgenerated::text
FROM made m JOIN pg_type t ON t.oid = m.type AND t.typtype <> 'd' JOIN pg_class c ON c.oid = m.relation
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = m.relation AND a.attnum = m.attnum
ORDER BY n.nspname, c.relname, a.attnum
"""
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
_NOT_EXPORTED = set(",;{}()\n\t= ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A relation with the wanted name. `generated`: the columns that are computed on reading."""

    kind: str
    persistence: str
    is_partition: bool
    parent: str | None
    has_children: bool
    has_foreign: bool
    key: tuple[str, ...]
    deferrable: bool
    columns: tuple[CapturedColumn, ...]
    generated: tuple[str, ...]


def describe_postgres(
    dsn: Dsn, targets: Sequence[TableTarget], *, capture: Capture, level: Level
) -> tuple[Described, ...]:
    """Returns each table, in the order of `targets`, which must all be in one database."""
    with postgres_session(dsn, targets[0].database) as connection:
        tables = read_tables(connection, targets)
        everywhere = tuple(_of_the_server(connection))
    described: list[Described] = []
    for target in targets:
        table = tables.get((target.schema, target.table))
        captured = CapturedTable(
            target=target,
            columns=table.columns if table else (),
            key=table.key if table else (),
            capture=capture,
            level=level,
        )
        reasons = tuple(_against(target, table, level))
        described.append(
            Described(table=captured, reasons=(*reasons, *everywhere), notes=tuple(_to_know(target, table)))
        )
    return tuple(described)


def read_tables(connection: Any, targets: Sequence[TableTarget]) -> Mapping[tuple[str, str], Found]:
    """Returns the tables that exist, by schema and name."""
    wanted = [[target.schema for target in targets], [target.table for target in targets]]
    columns: dict[tuple[str, str], list[CapturedColumn]] = defaultdict(list)
    generated: dict[tuple[str, str], list[str]] = defaultdict(list)
    for schema, table, name, word, nullable, how in connection.execute(_COLUMNS, wanted):
        columns[schema, table].append(CapturedColumn(name=name, type=word, nullable=nullable))
        if how == "v":
            generated[schema, table].append(name)
    tables: dict[tuple[str, str], Found] = {}
    for (
        schema,
        table,
        kind,
        persistence,
        is_partition,
        parent,
        children,
        foreign,
        key,
        deferrable,
    ) in connection.execute(_TABLES, wanted):
        tables[schema, table] = Found(
            kind=kind,
            persistence=persistence,
            is_partition=is_partition,
            parent=parent,
            has_children=children,
            has_foreign=foreign,
            key=tuple(key or ()),
            deferrable=bool(deferrable),
            columns=tuple(columns[schema, table]),
            generated=tuple(generated[schema, table]),
        )
    return tables


def _of_the_server(connection: Any) -> Iterator[str]:
    if connection.info.server_version < _OLDEST:
        yield f"the server is PostgreSQL {connection.info.server_version // 10000}; capture needs 14 or newer"
    (encoding,) = connection.execute("SHOW server_encoding").fetchone()
    if encoding == "SQL_ASCII":
        yield "the database's encoding is SQL_ASCII, so its texts may be in any encoding; capture needs another encoding, such as UTF8"


def _against(target: TableTarget, table: Found | None, level: Level) -> Iterator[str]:
    if target.schema == OWN_SCHEMA:
        yield "it is a table of capture itself; remove it from `streams.tables`"
    if table is None:
        yield "there is no such table; correct its name in `streams.tables` (capital letters count)"
        return
    if table.kind in _KINDS:
        yield f"it is {_KINDS[table.kind]}, and capture needs a table with rows of its own; name the tables behind it"
        return
    if table.persistence == "u":
        yield "it is UNLOGGED: no snapshot has its rows, and a crash empties it without firing a trigger; ALTER TABLE … SET LOGGED"
    if table.persistence == "t":
        yield "it is temporary: no snapshot has its rows"
    yield from _of_its_family(table, level)
    if not table.key:
        yield "it has no primary key, so a change could not name its row; add one"
    if table.deferrable:
        yield (
            "its primary key is DEFERRABLE: two rows may swap keys in one statement, and the order of changes would lose one; "
            "make it NOT DEFERRABLE"
        )
    yield from _of_names(target, table)


def _of_its_family(table: Found, level: Level) -> Iterator[str]:
    if table.is_partition:
        yield f"it is a partition of {table.parent}; name {table.parent}, whose triggers see the rows of all partitions"
    elif table.parent:
        yield (
            f"it inherits from {table.parent}: a statement on {table.parent} also changes rows of this table; capture does not "
            "support inheritance"
        )
    elif table.has_children and table.kind != "p":
        yield "other tables inherit from it, and changes of their rows do not fire its triggers; capture does not support inheritance"
    if table.has_foreign:
        yield "a partition of it is a foreign table, which is in no snapshot; detach that partition"
    if table.kind == "p" and level is Level.STATEMENT:
        yield (
            "it is partitioned, and statement-level triggers miss rows that are written directly to a partition; use "
            "`level: row_level`"
        )


def _of_names(target: TableTarget, table: Found) -> Iterator[str]:
    if "/" in target.table:
        yield "AWS does not export a table with / in its name, so no snapshot would match its changes; rename it"
    if unexported := [column.name for column in table.columns if _NOT_EXPORTED & set(column.name)]:
        yield f"AWS does not export a table with a column named {unexported}, so no snapshot would match its changes; rename it"
    if table.generated:
        yield (
            f"the columns {list(table.generated)} are VIRTUAL: the server computes them on reading, and triggers do not see them; "
            "make them STORED"
        )


def _to_know(target: TableTarget, table: Found | None) -> Iterator[str]:
    if table and table.kind == "p":
        yield (
            f"{target} is partitioned: its changes are recorded as one table, and its export has one table per "
            "partition (`union:` joins them). TRUNCATE of one partition, ATTACH and DETACH are not captured"
        )
