"""Recognises a statement and runs it.

Statements without a tree in sqlglot are recognised by their words first. An unsupported statement fails with
NOT_SUPPORTED; none succeeds without having been executed.

What belongs here: recognising statements, parameters, views. Tables are `ddl.py`, partitions `partitions.py`, lists
`show.py`, rows written `writing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.session import NOTHING, Session, parse_statement
from rds_lake.localcloud.athena.sql.dialect import with_parameters
from rds_lake.localcloud.athena.statements import ddl, partitions, show, writing
from rds_lake.localcloud.athena.statements.views import ViewDefinition, is_view, view_input

_UTILITY = re.compile(r"(show|describe|desc|explain)\b", re.IGNORECASE)
_DDL = re.compile(r"(create|drop|alter|msck|prepare|deallocate)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?\*/)", re.DOTALL)


def clean(sql: str) -> str:
    """Returns the statement without leading comments and without the semicolon."""
    while match := _COMMENTS.match(sql):
        sql = sql[match.end() :]
    return re.sub(r"\s*;\s*$", "", sql).strip()


def statement_type(sql: str) -> str:
    """Returns DDL, DML or UTILITY, as GetQueryExecution does."""
    text = clean(sql)
    if _UTILITY.match(text):
        return "UTILITY"
    return "DDL" if _DDL.match(text) else "DML"


def run_statement(session: Session, sql: str) -> Answer:
    """Returns the answer of any supported statement. QueryFailedError with Athena's message."""
    text = clean(sql)
    for pattern, handler in _COMMANDS:
        if match := re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL):
            return handler(session, match)
    tree = parse_statement(text)
    if isinstance(tree, exp.Query):
        return session.engine.select(with_parameters(tree, session.parameters), session.database)
    if isinstance(tree, exp.Insert):
        return writing.insert(session, with_parameters(tree, session.parameters))
    handler = _BY_TREE.get((type(tree), str(tree.args.get("kind")).upper()))
    if handler is None:
        raise QueryFailedError("NOT_SUPPORTED", f"the local cloud does not run this statement: {text[:80]}")
    return handler(session, tree)


def _create_view(session: Session, tree: exp.Create) -> Answer:
    if isinstance(tree.this, exp.Schema):
        raise QueryFailedError("SYNTAX_ERROR", "line 1:1: mismatched input '('. Expecting: 'AS'")
    schema, name = session.name(tree.this)
    query = tree.expression
    if not isinstance(query, exp.Query):
        raise QueryFailedError("SYNTAX_ERROR", "line 1:1: a view is made of a query")
    sql = query.sql("athena")
    columns = session.engine.describe(query.copy(), session.database)
    starred = any(column.is_star for column in query.selects)
    _refuse_names(query, [name.lower() for name in ([n for n, _ in columns] if starred else query.named_selects)])
    definition = ViewDefinition(sql=sql, schema=session.database, columns=tuple(columns))
    try:
        table = view_input(name, definition)
    except ValueError as error:
        raise QueryFailedError("NOT_SUPPORTED", str(error)) from error
    exists = session.find(schema, name)
    if exists is None:
        session.call("create_table", DatabaseName=schema, TableInput=table)
    elif not tree.args.get("replace") or not is_view(exists):
        kind = "View" if is_view(exists) else "Table"
        raise QueryFailedError(
            "TABLE_ALREADY_EXISTS", f"line 1:1: {kind} already exists: 'awsdatacatalog.{schema}.{name}'"
        )
    else:
        session.call("update_table", DatabaseName=schema, TableInput=table)
    return NOTHING


def _refuse_names(query: exp.Query, names: list[str]) -> None:
    """Refuse a view with an unnamed column, or with two columns of the same name."""
    unnamed = (exp.Star, exp.Column, exp.Dot, exp.Alias)
    for position, column in enumerate(query.selects, 1):
        if not isinstance(column, unnamed):
            raise QueryFailedError("MISSING_COLUMN_NAME", f"line 1:1: Column name not specified at position {position}")
    for name in names:
        if names.count(name) > 1:
            raise QueryFailedError("DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{name}' specified more than once")


def _prepare(session: Session, match: re.Match[str]) -> Answer:
    parse_statement(clean(match[2]))
    session.prepared[match[1].lower()] = match[2]
    return NOTHING


def _execute(session: Session, match: re.Match[str]) -> Answer:
    sql = session.prepared.get(match[1].lower())
    if sql is None:
        raise QueryFailedError("NOT_FOUND", f"PreparedStatement {match[1]} was not found")
    given = session.parameters
    if match[2]:
        given = [value.sql("athena") for value in parse_statement(f"SELECT {match[2]}").expressions]
    return run_statement(replace(session, parameters=given), sql)


def _deallocate(session: Session, match: re.Match[str]) -> Answer:
    if session.prepared.pop(match[1].lower(), None) is None:
        raise QueryFailedError("NOT_FOUND", f"PreparedStatement {match[1]} was not found")
    return NOTHING


def _create_table(session: Session, tree: exp.Create) -> Answer:
    return writing.create_table_as(session, tree) if tree.expression else ddl.create_table(session, tree)


_COMMANDS: tuple[tuple[str, Callable[[Session, re.Match[str]], Answer]], ...] = (
    (r"show\s+(tables|views)(?:\s+(?:in|from)\s+(\S+))?(?:\s+(?:like\s+)?'([^']*)')?", show.show_tables),
    (r"show\s+(?:databases|schemas)(?:\s+(?:like\s+)?'([^']*)')?", show.show_databases),
    (r"show\s+partitions\s+(\S+)", show.show_partitions),
    (r"show\s+columns\s+(?:in|from)\s+(\S+?)(?:\s+(?:in|from)\s+(\S+))?", show.show_columns),
    (r"show\s+create\s+view\s+(\S+)", show.show_create_view),
    (r"show\s+create\s+table\s+(\S+)", show.show_create_table),
    (r"desc(?:ribe)?\s+(?:formatted\s+|extended\s+)?(\S+)", show.describe),
    (r"msck\s+repair\s+table\s+(\S+)", partitions.repair),
    (r"alter\s+table\s+(\S+)\s+add\s+(if\s+not\s+exists\s+)?(partition\b.*)", partitions.add),
    (r"alter\s+table\s+(\S+)\s+drop\s+(if\s+exists\s+)?(partition\b.*)", partitions.drop),
    (r"alter\s+table\s+(\S+)\s+set\s+tblproperties\s*\((.*)\)", ddl.set_properties),
    (r"unload\s*\((.*)\)\s*to\s+'([^']+)'\s*(?:with\s*\((.*)\))?", writing.unload),
    (r"prepare\s+(\w+)\s+from\s+(.*)", _prepare),
    (r"execute\s+(\w+)(?:\s+using\s+(.*))?", _execute),
    (r"deallocate\s+prepare\s+(\w+)", _deallocate),
)
_BY_TREE: dict[tuple[type[exp.Expr], str], Callable[..., Answer]] = {
    (exp.Create, "VIEW"): _create_view,
    (exp.Create, "TABLE"): _create_table,
    (exp.Create, "DATABASE"): ddl.create_database,
    (exp.Create, "SCHEMA"): ddl.create_database,
    (exp.Drop, "VIEW"): ddl.drop_relation,
    (exp.Drop, "TABLE"): ddl.drop_relation,
    (exp.Drop, "DATABASE"): ddl.drop_database,
    (exp.Drop, "SCHEMA"): ddl.drop_database,
}
