"""Reads a live database's own descriptions of its tables: comments, enum names, the scale of numbers.

It runs two or three statements over the catalogue of each database, for any number of tables, and reads no row of a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rds_lake.database.read_only import ReadOnly
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.described import DescribedColumn, DescribedTable
from rds_lake.model.tables.table import TableTarget

# Schema, table, column ('' for the table itself), declared type, comment, names of the enum (for an array: of its elements).
_POSTGRES = """
SELECT n.nspname::text, c.relname::text, coalesce(a.attname::text, ''),
       coalesce(pg_catalog.format_type(a.atttypid, a.atttypmod), ''), coalesce(d.description, ''),
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e
        WHERE e.enumtypid IN (t.oid, t.typelem, t.typbasetype))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = a.attnum
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (d.description IS NOT NULL OR t.typname IN ('numeric', '_numeric') AND a.atttypmod >= 0
       OR EXISTS (SELECT FROM pg_catalog.pg_enum e WHERE e.enumtypid IN (t.oid, t.typelem, t.typbasetype)))
UNION ALL
SELECT n.nspname::text, c.relname::text, '', '', d.description, NULL
FROM pg_catalog.pg_description d
JOIN pg_catalog.pg_class c ON c.oid = d.objoid AND c.relkind IN ('r', 'p', 'm')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
"""
# The declared type contains the names of an enum: enum('new','paid').
_MYSQL = (
    """
SELECT table_schema, table_name, column_name, column_type, column_comment, NULL FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
  AND (column_comment <> '' OR data_type IN ('enum', 'set'))
""",
    """
SELECT table_schema, table_name, '', '', table_comment, NULL FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
  AND table_type = 'BASE TABLE' AND table_comment <> ''
""",
)


def describe_tables(session: ReadOnly, engine: Engine, targets: Sequence[TableTarget]) -> Sequence[DescribedTable]:
    """Returns the descriptions of these tables in the session's database; a table without one is left out."""
    statements = (_POSTGRES,) if engine is Engine.POSTGRES else _MYSQL
    by_table: dict[tuple[str, str], dict[str, DescribedColumn]] = defaultdict(dict)
    for row in (row for statement in statements for row in session.rows(statement)):
        schema, table, column, declared, comment, labels = map(_text, row)
        by_table[schema, table][column] = DescribedColumn(type=declared, comment=comment, labels=tuple(labels or ()))
    return [
        DescribedTable(target=target, comment=columns.pop("", DescribedColumn()).comment, columns=columns)
        for target in targets
        if (columns := by_table.get((target.schema, target.table)))
    ]


def _text(value: Any) -> Any:
    """Decodes bytes: MySQL returns some columns of its catalogue as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
