"""Finds the tables that statements create, change and read, from which the order of steps follows.

sqlglot parses the statement; if it cannot, every word that is the name of a known table counts as read, so that a procedure or
a statement that only Redshift has runs late rather than early.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rds_lake.sql.warehouse.pieces import Kind, pieces
from rds_lake.sql.warehouse.statements import split

_WORD = re.compile(r"\w+")
_CHANGING = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_TEMPORARY = (exp.TemporaryProperty,)
_READABLE = ("TABLE", "VIEW")


@dataclass(slots=True, kw_only=True)
class Tables:
    """Names in lower case, without schemas."""

    made: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)

    @property
    def written(self) -> set[str]:
        return self.made | self.changed


def tables_of(sql: str, known: Collection[str] = ()) -> Tables:
    """Returns the tables of all statements of a text. `known`: names to look for in statements that cannot be parsed."""
    tables, temporary = Tables(), set[str]()
    for statement in split(sql):
        tree = _tree(statement.sql)
        if tree is None:
            tables.read |= _words(statement.sql) & set(known)
        else:
            _add(tables, temporary, tree)
    for names in (tables.made, tables.changed, tables.read):
        names -= temporary
    tables.read -= tables.made
    return tables


def _tree(sql: str) -> exp.Expr | None:
    log = logging.getLogger("sqlglot")
    before, log.disabled = log.disabled, True
    try:
        tree = sqlglot.parse_one(sql, read="redshift")
    except (SqlglotError, RecursionError):
        return None
    finally:
        log.disabled = before
    # For a procedure, only its head is read.
    is_body = isinstance(tree, exp.Create) and tree.kind not in _READABLE
    return None if isinstance(tree, exp.Command) or is_body else tree


def _add(tables: Tables, temporary: set[str], tree: exp.Expr) -> None:
    target: exp.Table | None = None
    if isinstance(
        tree, exp.Create | exp.Drop | exp.Alter | exp.TruncateTable | exp.Insert | exp.Update | exp.Delete | exp.Merge
    ):
        target = next(iter(tree.find_all(exp.Table)), None) if tree.this is None else tree.this.find(exp.Table)
    if target is not None and isinstance(tree, exp.Create):
        is_temporary = any(
            isinstance(each, _TEMPORARY) for each in tree.find_all(*_TEMPORARY)
        ) or target.name.startswith("#")
        (temporary if is_temporary else tables.made).add(target.name.lower())
    elif target is not None and isinstance(tree, _CHANGING):
        tables.changed.add(target.name.lower())
    into = tree.find(exp.Into)
    if into is not None and isinstance(into.this, exp.Table):
        tables.made.add(into.this.name.lower())
    common = {each.alias_or_name.lower() for each in tree.find_all(exp.CTE)}
    skipped = {id(target), id(into.this) if into is not None else 0}
    if not isinstance(tree, exp.Drop):
        tables.read |= {t.name.lower() for t in tree.find_all(exp.Table) if id(t) not in skipped} - common


def _words(sql: str) -> set[str]:
    words: set[str] = set()
    for piece in pieces(sql):
        if piece.kind is Kind.NAME:
            words.add(piece.text.strip('"').lower())
        elif piece.kind in (Kind.CODE, Kind.BODY):
            words |= {word.lower() for word in _WORD.findall(piece.text)}
    return words
