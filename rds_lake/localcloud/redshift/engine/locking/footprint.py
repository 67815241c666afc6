"""Finds the tables that a statement reads and writes, which must be known before its snapshot is taken."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from rds_lake.localcloud.athena.sql.with_clauses import names_a_common_table
from rds_lake.localcloud.redshift.engine.locking.transactions import Footprint
from rds_lake.localcloud.redshift.engine.tables import SYSTEM, TEMPORARY, Tables


def of_tree(tree: exp.Expr, tables: Tables) -> Footprint:
    """Returns the tables of a parsed statement. Temporary, system and external tables are left out: no other session changes them."""
    if isinstance(tree, exp.Insert | exp.Create):
        return _into(tree, tables)
    if isinstance(tree, exp.Update | exp.Delete):
        return Footprint(reads=_names(tree.find_all(exp.Table), tables), writes=_names([tree.this], tables))
    if isinstance(tree, exp.Drop):
        dropped = tree.args.get("tables") or [tree.this]
        return Footprint(alone=_names(dropped, tables)) if (tree.kind or "").upper() != "SCHEMA" else Footprint()
    if isinstance(tree, exp.Alter):
        news = [action.this for action in tree.args.get("actions") or () if isinstance(action, exp.AlterRename)]
        altered = _names([tree.this], tables)
        schemas = {name.partition(".")[0] for name in altered}
        return Footprint(alone=altered | {f"{schema}.{new.name}" for new in news for schema in schemas})
    if isinstance(tree, exp.TruncateTable):
        return Footprint(alone=_names(tree.expressions, tables))
    return Footprint(reads=_names(tree.find_all(exp.Table), tables)) if isinstance(tree, exp.Query) else Footprint()


def _into(tree: exp.Insert | exp.Create, tables: Tables) -> Footprint:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    reads = _names(tree.expression.find_all(exp.Table), tables) if tree.expression is not None else frozenset[str]()
    if isinstance(tree, exp.Insert):
        return Footprint(reads=reads, writes=_names([target], tables))
    given = tree.args.get("properties")
    temporary = target.name.startswith("#") or any(
        isinstance(each, exp.TemporaryProperty) for each in (given.expressions if given else ())
    )
    if temporary or (tree.kind or "").upper() != "TABLE":
        return Footprint(reads=reads)
    return Footprint(reads=reads, writes=frozenset({f"{target.db or tables.search_path[0]}.{target.name}"}))


def of_locked(names: Iterable[tuple[str, str]], tables: Tables) -> Footprint:
    """Returns the tables of LOCK. StatementFailedError for a table that does not exist."""
    wanted = list(names)
    for schema, name in wanted:
        tables.get(name, schema)
    return Footprint(alone=of_names(wanted, tables))


def of_names(names: Iterable[tuple[str, str]], tables: Tables) -> frozenset[str]:
    """Returns tables by (schema, name)."""
    resolved = [tables.find(name, schema) for schema, name in names]
    return frozenset(str(each) for each in resolved if each is not None and each.schema not in (TEMPORARY, SYSTEM))


def _names(nodes: Iterable[exp.Expr], tables: Tables) -> frozenset[str]:
    named = [each for each in nodes if isinstance(each, exp.Table) and isinstance(each.this, exp.Identifier)]
    return of_names(((each.db, each.name) for each in named if not names_a_common_table(each)), tables)
