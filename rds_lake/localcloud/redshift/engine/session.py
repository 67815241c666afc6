"""One connection to a database: statements one after the other, transactions, temporary tables."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any

import duckdb
from sqlglot import exp

from rds_lake.localcloud.redshift.engine.changing import Changing
from rds_lake.localcloud.redshift.engine.defining import Defining
from rds_lake.localcloud.redshift.engine.lengths import declared
from rds_lake.localcloud.redshift.engine.names import bind
from rds_lake.localcloud.redshift.engine.system import report_load
from rds_lake.localcloud.redshift.engine.tables import Column, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here, translate_error
from rds_lake.localcloud.redshift.loading.copying import Copying
from rds_lake.localcloud.redshift.loading.objects import Stores
from rds_lake.localcloud.redshift.loading.options import is_copy, read_copy
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.parsing import parse
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES
from rds_lake.localcloud.redshift.sql.translate import duck_text, translate
from rds_lake.localcloud.redshift.sql.types import type_of_duck
from rds_lake.localcloud.redshift.unloading.options import is_unload, read_unload
from rds_lake.localcloud.redshift.unloading.unloading import write

# Without effect here, and harmless to leave out.
_UPKEEP = ("VACUUM",)
_SET = re.compile(
    r"set\s+(session\s+|local\s+)?(?P<name>[\w.]+)\s*(=|\sto\s)\s*(?P<value>.+?)\s*;?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a statement answers. `columns` None: it has no result set. `rows`: returned or changed."""

    columns: tuple[Column, ...] | None = None
    values: Sequence[tuple[Any, ...]] = ()
    rows: int = field(default=0)


def _no_stores(role: str) -> Any:
    raise not_here("S3 is not reached from here")


class Session:
    """Made on a cursor of its own, which it closes."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self._connection, self._database = connection, database
        self.tables = Tables(connection)
        self._changing = Changing(connection, self.tables, database)
        self._defining = Defining(connection, self.tables, database, self._changing)
        self._acts: dict[type[exp.Expr], Callable[[Any], int]] = {
            exp.Insert: self._changing.insert, exp.Update: self._changing.update, exp.Delete: self._changing.delete,
            exp.Create: self._defining.create, exp.Drop: self._defining.drop, exp.Alter: self._defining.alter,
        }  # fmt: skip
        self._cancelled, self._closed = threading.Event(), threading.Event()
        self._in_transaction = False
        # S3 for a COPY, and the number under which its errors are kept; set before each statement.
        self.stores: Stores = _no_stores
        self.query = 0

    def run(self, sql: str) -> Result:
        """One statement; StatementFailedError, after which an open transaction is rolled back."""
        self._refuse_cancelled()
        try:
            if _SET.match(sql.strip()):
                return self._set(sql)
            if is_copy(sql):
                return self._copy(sql)
            if is_unload(sql):
                return self._unload(sql)
            trees = parse(sql)
            if len(trees) != 1:
                raise StatementFailedError("a statement is one SQL statement")
            return self._whole(trees[0])
        except duckdb.InterruptException as error:
            self.rollback()
            raise StatementFailedError("Query cancelled on user's request") from error
        except duckdb.Error as error:
            self.rollback()
            raise translate_error(error) from error
        except StatementFailedError:
            self.rollback()
            raise

    def _copy(self, sql: str) -> Result:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html"""
        copy, own = read_copy(sql), not self._in_transaction
        if own:
            self.begin()
        report = partial(report_load, self._connection, self.query, self._database)
        rows = Copying(self._connection, self.tables, self.stores, report).run(copy)
        if own:
            self.commit()
        return Result(rows=rows)

    def _unload(self, sql: str) -> Result:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html"""
        unload = read_unload(sql)
        trees = parse(unload.query)
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise StatementFailedError("UNLOAD takes one SELECT")
        limited = trees[0].args.get("limit") is not None
        if limited:
            raise StatementFailedError("Limit clause is not supported: put the query with it into a subquery")
        found = self._whole(trees[0])
        return Result(rows=write(unload, found.columns or (), found.values, self.stores))

    def _whole(self, tree: exp.Expr) -> Result:
        """All of the statement or nothing: what it does in DuckDB may be several statements."""
        if self._in_transaction or isinstance(tree, exp.Transaction | exp.Commit | exp.Rollback):
            return self._run(tree)
        self.begin()
        result = self._run(tree)
        self.commit()
        return result

    def begin(self) -> None:
        """Open a transaction."""
        self._connection.begin()
        self._in_transaction = True

    def commit(self) -> None:
        """StatementFailedError 1023 when another transaction was there first."""
        if not self._in_transaction:
            return
        self._in_transaction = False
        try:
            self._connection.commit()
        except duckdb.Error as error:
            raise translate_error(error) from error

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if self._in_transaction:
            self._in_transaction = False
            with contextlib.suppress(duckdb.Error):
                self._connection.rollback()

    def cancel(self) -> None:
        """Interrupt what runs, from another thread, and let nothing more begin."""
        self._cancelled.set()
        threading.Thread(target=self._interrupt, name="redshift-cancel", daemon=True).start()

    def _interrupt(self) -> None:
        """Again and again until it has ended: an interrupt just before DuckDB begins is lost."""
        while not self._closed.wait(0.02) and self._cancelled.is_set():
            with contextlib.suppress(duckdb.ConnectionException):  # closed: it has just finished
                self._connection.interrupt()

    def reuse(self) -> None:
        """Forget that something was cancelled: the session goes on."""
        self._cancelled.clear()

    def close(self) -> None:
        """Roll back what is open; temporary tables are gone."""
        self._closed.set()
        self.rollback()
        self._connection.close()

    def _refuse_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise StatementFailedError("Query cancelled on user's request")

    def _run(self, tree: exp.Expr) -> Result:
        if isinstance(tree, exp.Query):
            return self._select(tree)
        if isinstance(tree, exp.Transaction | exp.Commit | exp.Rollback):
            return self._transaction(tree)
        if isinstance(tree, exp.TruncateTable):
            changed = self._changing.truncate(tree)
            self.commit()
            return Result(rows=changed)
        act = self._acts.get(type(tree))
        if act is not None:
            return Result(rows=act(tree))
        if isinstance(tree, exp.Analyze) or (isinstance(tree, exp.Command) and tree.name.upper() in _UPKEEP):
            return Result()
        raise not_here(f"the statement {tree.sql('redshift')[:60]} is not there")

    def _select(self, tree: exp.Query) -> Result:
        if tree.args.get("into") is not None:
            raise not_here("SELECT INTO is not there: use CREATE TABLE AS")
        bind(tree, self.tables, self._database)
        said = declared(tree, self.tables)
        text = duck_text(translate(tree, Oracle(self._connection, AGGREGATE_NAMES)))
        self._refuse_cancelled()
        found = self._connection.execute(text)
        described: Any = found.description or []
        columns = tuple(
            Column(name=each[0], kind=known if known is not None and known.is_text else type_of_duck(str(each[1])))
            for each, known in zip_longest(described, said if len(said) == len(described) else ())
        )
        values = found.fetchall()
        return Result(columns=columns, values=values, rows=len(values))

    def _transaction(self, tree: exp.Expr) -> Result:
        if isinstance(tree, exp.Transaction):
            if not self._in_transaction:
                self.begin()
        elif isinstance(tree, exp.Commit):
            self.commit()
        else:
            self.rollback()
        return Result()

    def _set(self, text: str) -> Result:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_SET.html"""
        match = _SET.fullmatch(text.strip())
        name = match["name"].lower() if match else ""
        if match and name == "search_path":
            self.tables.search_path = tuple(part.strip(" '\"").lower() for part in match["value"].split(","))
        elif name != "query_group":
            raise not_here(f"SET {name or text} is not there")
        return Result()
