"""Translates Athena's SQL to DuckDB's: sqlglot's translation, and corrections of it.

If the two engines return different results without an error, the translation returns Trino's. Of 107 expressions with known results
sqlglot alone gave 16 wrong ones and failed on 10 (`rds_lake_tests/localcloud/athena/cases.txt` has such expressions). Remaining
differences are in docs/fidelity.md.

What belongs here: the translation of a SELECT as a whole. One expression is `functions.py`, statements
`athena/statements/dispatch.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.sql.annotate import set_types, word
from rds_lake.localcloud.athena.sql.functions import call, fix
from rds_lake.localcloud.athena.sql.literals import LocalAthena

# Caches statements, most of which are repeated: a view is parsed for each query of it. Translating takes as long as running.
_KEPT = 1024


def parse(sql: str) -> exp.Expr:
    """Returns Athena's text as a new tree. ParseError if it cannot be parsed, QueryFailedError for a wrong literal."""
    return _parsed(sql).copy()


@lru_cache(_KEPT)
def _parsed(sql: str) -> exp.Expr:
    statements = [statement for statement in sqlglot.parse(sql, read=LocalAthena) if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Expr):
        raise sqlglot.ParseError("Only one sql statement is allowed")
    return statements[0]


def with_parameters(tree: exp.Expr, parameters: Sequence[str]) -> exp.Expr:
    """Returns the query with its `?` replaced by the parameters, which are SQL expressions as text."""
    marks = [node for node in tree.walk(bfs=False) if isinstance(node, exp.Placeholder)]
    if len(marks) != len(parameters):
        raise QueryFailedError(
            "INVALID_PARAMETER_USAGE",
            f"line 1:1: Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}",
        )
    for mark, text in zip(marks, parameters, strict=True):
        (value,) = parse(f"SELECT {text}").expressions
        mark.replace(value)
    return tree


def to_duckdb(tree: exp.Expr, schema: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Returns DuckDB's text of a query, without changing the tree. `schema`: bound relation -> column -> Trino type."""
    types = tuple((relation, tuple(columns.items())) for relation, columns in (schema or {}).items())
    return _translated(_Query(_form(tree), tree), types)


@dataclass(frozen=True, slots=True)
class _Query:
    """A tree that is equal to every tree with exactly the same text."""

    form: tuple[Any, ...]
    tree: exp.Expr = field_of(compare=False)


def _form(part: Any) -> Any:
    """Returns a tree's nodes and words as nested tuples."""
    if isinstance(part, exp.Expr):
        return (type(part), *((name, _form(inner)) for name, inner in part.args.items() if inner is not None))
    return tuple(_form(inner) for inner in part) if isinstance(part, list) else (type(part), part)


@lru_cache(_KEPT)
def _translated(query: _Query, types: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> str:
    tree = query.tree.copy()
    _name_columns(tree)
    set_types(tree, {relation: dict(columns) for relation, columns in types})
    _unnest_into_columns(tree)
    # From the leaves up: a fix moves its children into a new node, and sqlglot's own `transform` does not enter those.
    for node in reversed(list(tree.walk())):
        fixed = fix(node) if isinstance(node, exp.Expr) else node
        if fixed is not node:
            node.replace(fixed)
    return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE, comments=False)


def _name_columns(tree: exp.Expr) -> None:
    """Name columns without a name `_col0`, `_col1`, … as Athena does."""
    select = tree if isinstance(tree, exp.Select) else None
    for number, column in enumerate(list(select.expressions) if select else []):
        if not column.alias and not isinstance(column, exp.Star | exp.Column) and not _is_path(column):
            column.replace(exp.alias_(column.copy(), f"_col{number}", quoted=True))


def _is_path(column: exp.Expr) -> bool:
    """Whether the column is `a.b.c`, which is called `c`. A field of a call's or array's value has no name."""
    return isinstance(column, exp.Dot) and all(
        isinstance(n, exp.Dot | exp.Column | exp.Identifier) for n in column.walk()
    )


def _unnest_into_columns(tree: exp.Expr) -> None:
    """Translate UNNEST of a map, of rows, or of several arrays: in Trino several columns, in DuckDB a struct or an error."""
    for unnest in list(tree.find_all(exp.Unnest)):
        alias = unnest.args.get("alias")
        names = [column.name for column in alias.columns] if alias else []
        offset = unnest.args.get("offset")
        if isinstance(offset, exp.Identifier):
            names.append(offset.name)
        fields = [_fields(source) for source in unnest.expressions]
        _check_aliases(unnest, names, fields)
        if all(field is None for field in fields) and len(fields) == 1:
            continue
        if alias is None or len(names) != sum(len(f or [""]) for f in fields) + bool(offset):
            continue
        derived = _rows_of(unnest.expressions, fields, names, numbered=bool(offset))
        derived.set("alias", exp.TableAlias(this=alias.this.copy()))
        unnest.replace(derived)


def _check_aliases(unnest: exp.Unnest, names: Sequence[str], fields: Sequence[list[str] | None]) -> None:
    """QueryFailedError for a wrong number of names: in Trino `UNNEST(items)` of rows with two fields has two columns."""
    known = all(word(source) for source in unnest.expressions)
    columns = sum(len(field or [""]) for field in fields) + bool(unnest.args.get("offset"))
    if known and names and len(names) != columns:
        raise QueryFailedError(
            "MISMATCHED_COLUMN_ALIASES",
            f"line 1:1: Column alias list has {len(names)} entries but '{unnest.alias}' has {columns} columns available",
        )


def _fields(source: exp.Expr) -> list[str] | None:
    """Returns the columns that the fields of an element become; None if the element is one column."""
    if word(source) == "MAP" or isinstance(source, exp.Map | exp.VarMap):
        return ["key", "value"]
    if word(source) != "ARRAY" or source.type is None or not source.type.expressions:
        return None
    element = source.type.expressions[0]
    if not isinstance(element, exp.DataType) or element.this != exp.DataType.Type.STRUCT:
        return None
    return [field.name for field in element.expressions]


def _rows_of(
    sources: Sequence[exp.Expr], fields: Sequence[list[str] | None], names: Sequence[str], *, numbered: bool
) -> exp.Subquery:
    """Returns a `SELECT` of everything that the sources unnest to, side by side; shorter ones end in NULLs."""
    lists = [
        call("map_entries", source.copy()) if field == ["key", "value"] and word(source) != "ARRAY" else source.copy()
        for source, field in zip(sources, fields, strict=True)
    ]
    elements = [exp.alias_(call("unnest", item), f"lc_{number}") for number, item in enumerate(lists)]
    if numbered:
        longest = call("greatest", *(call("len", item.copy()) for item in lists))
        indices = call("generate_series", exp.Literal.number(1), longest)
        elements.append(exp.alias_(call("unnest", indices), "lc_n"))
    columns: list[exp.Expr] = []
    for number, field in enumerate(fields):
        element = exp.column(f"lc_{number}", "lc_rows")
        columns += [call("struct_extract", element.copy(), exp.Literal.string(f)) for f in field or []] or [element]
    if numbered:
        columns.append(exp.column("lc_n", "lc_rows"))
    named = [exp.alias_(column, name, quoted=True) for column, name in zip(columns, names, strict=True)]
    return exp.select(*named).from_(exp.select(*elements).subquery("lc_rows")).subquery()
