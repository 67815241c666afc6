"""One connection to a database: statements one after the other, transactions, temporary tables."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import duckdb
from sqlglot import exp

from rds_lake.localcloud.redshift.engine.changing import Changing
from rds_lake.localcloud.redshift.engine.defining import Defining
from rds_lake.localcloud.redshift.engine.lengths import declared
from rds_lake.localcloud.redshift.engine.locking import footprint
from rds_lake.localcloud.redshift.engine.locking.transactions import Footprint, Transaction
from rds_lake.localcloud.redshift.engine.monitoring.history import Row, User, moment
from rds_lake.localcloud.redshift.engine.monitoring.system import SYSTEM_NAMES, SystemViews, table_id
from rds_lake.localcloud.redshift.engine.moving import Moving
from rds_lake.localcloud.redshift.engine.names import bind
from rds_lake.localcloud.redshift.engine.results import Result, Shared, no_stores
from rds_lake.localcloud.redshift.engine.settings import Settings, is_set
from rds_lake.localcloud.redshift.engine.tables import Column, RelationUse, TableName, Tables
from rds_lake.localcloud.redshift.engine.words import kind_of, locked_tables, refuse_in_transaction
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here, translate_error
from rds_lake.localcloud.redshift.loading.objects import Stores
from rds_lake.localcloud.redshift.loading.options import is_copy, read_copy
from rds_lake.localcloud.redshift.spectrum.options import is_external_schema, read_external_schema
from rds_lake.localcloud.redshift.spectrum.relations import Spectrum
from rds_lake.localcloud.redshift.sql.checks.foreign import refuse_foreign
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.parsing import parse
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES
from rds_lake.localcloud.redshift.sql.translate import duck_text, translate
from rds_lake.localcloud.redshift.sql.types import ColumnType, type_of_duck
from rds_lake.localcloud.redshift.unloading.options import is_unload, read_unload

# Accepted without an effect.
_UPKEEP = ("VACUUM",)
_ISOLATION = re.compile(
    r"\s*alter\s+database\s+\S+\s+isolation\s+level\s+(snapshot|serializable)\s*;?\s*", re.IGNORECASE
)
_TRANSACTION = (exp.Transaction, exp.Commit, exp.Rollback)


class Session:
    """A session with a cursor of its own, which `close` closes."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str, shared: Shared) -> None:
        self._connection, self._database, self._shared = connection, database, shared
        self.tables = Tables(connection)
        self._changing = Changing(connection, self.tables, database)
        self._spectrum = Spectrum(connection, self.tables, shared.folder, lambda: self.stores)
        self._defining = Defining(connection, self.tables, database, self._changing, self._spectrum)
        self._views = SystemViews(
            connection, self.tables, database, shared.history, shared.transactions, self._spectrum, lambda: self.user
        )
        self._moving = Moving(connection, self.tables, shared.history, shared.now)
        self._settings = Settings(self.tables)
        self.tables.outside = self._outside
        self._acts: dict[type[exp.Expr], Callable[[Any], int]] = {
            exp.Insert: self._changing.insert, exp.Update: self._changing.update, exp.Delete: self._changing.delete,
            exp.Create: self._defining.create, exp.Drop: self._defining.drop, exp.Alter: self._defining.alter,
        }  # fmt: skip
        self._cancelled, self._closed = threading.Event(), threading.Event()
        self._transaction: Transaction | None = None
        self._in_duckdb = False
        # Set before each statement: clients for COPY and UNLOAD, the statement's number, its user, and a context that is entered
        # while it waits for a lock.
        self.stores: Stores = no_stores
        self.query = 0
        self.user = User()
        self.resting: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext

    def run(self, sql: str) -> Result:
        """Run one statement. After StatementFailedError, an open transaction is rolled back."""
        self._refuse_cancelled()
        row = self._begun(sql)
        try:
            result = self._answered(sql)
            row |= {"status": "success", "returned_rows": result.rows}
        except duckdb.InterruptException as error:
            raise self._failed(row, StatementFailedError("Query cancelled on user's request")) from error
        except duckdb.Error as error:
            raise self._failed(row, translate_error(error)) from error
        except StatementFailedError as error:
            self._failed(row, error)
            raise
        finally:
            row["end_time"] = moment(self._shared.now())
            row["elapsed_time"] = round((row["end_time"] - row["start_time"]).total_seconds() * 1e6)
            row["execution_time"] = row["elapsed_time"]
        return result

    def _begun(self, sql: str) -> Row:
        self._spectrum.begin()
        self._views.begin()
        return self._shared.history.add("sys_query_history", self._about() | {
            "query_type": kind_of(sql), "status": "running", "result_cache_hit": False, "query_text": sql[:4000],
            "query_label": self._settings.query_group, "start_time": moment(self._shared.now()), "end_time": None,
            "queue_time": 0, "error_message": "", "returned_rows": 0, "returned_bytes": 0, "lock_wait_time": 0})  # fmt: skip

    def _about(self) -> Row:
        return {
            "user_id": self._shared.history.user_id(self.user), "query_id": self.query, "database_name": self._database,
            "transaction_id": self._transaction.id if self._transaction is not None else 0, "session_id": 1073741824,
        }  # fmt: skip

    def _failed(self, row: Row, error: StatementFailedError) -> StatementFailedError:
        row |= {"status": "canceled" if self._cancelled.is_set() else "failed", "error_message": str(error)}
        self.rollback()
        return error

    def _answered(self, sql: str) -> Result:
        if is_set(sql):
            self._settings.set(sql)
            return Result()
        isolation = _ISOLATION.fullmatch(sql)
        if isolation:
            refuse_in_transaction("ALTER DATABASE ISOLATION LEVEL", self._transaction is not None)
            self._shared.transactions.snapshot = isolation[1].lower() == "snapshot"
            return Result()
        locked = locked_tables(sql)
        if locked is not None:
            return self._within(footprint.of_locked(locked, self.tables), Result)
        refuse_in_transaction(sql, self._transaction is not None)
        if is_copy(sql):
            copy = read_copy(sql)
            target = footprint.of_names([(copy.schema, copy.table)], self.tables)
            return self._within(
                Footprint(writes=target), lambda: Result(rows=self._moving.load(copy, self.stores, self._about()))
            )
        if is_external_schema(sql):
            schema = read_external_schema(sql)
            return self._within(Footprint(), lambda: self._external(schema))
        return self._unload(sql) if is_unload(sql) else self._parsed(self._single(sql))

    def _external(self, schema: Any) -> Result:
        self._spectrum.create(schema)
        return Result()

    def _single(self, sql: str) -> exp.Expr:
        trees = parse(sql)
        if len(trees) != 1:
            raise StatementFailedError("give exactly one SQL statement")
        return trees[0]

    def _unload(self, sql: str) -> Result:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html"""
        unload = read_unload(sql)
        query = self._single(unload.query)
        if not isinstance(query, exp.Query):
            raise StatementFailedError("UNLOAD takes one SELECT")
        if query.args.get("limit") is not None:
            raise StatementFailedError("Limit clause is not supported: put the query with it into a subquery")

        def moved() -> Result:
            columns, cursor = self._executed(query)
            return Result(rows=self._moving.unload(unload, columns, cursor, self.stores, self._about()))

        return self._within(footprint.of_tree(query, self.tables), moved)

    def _parsed(self, tree: exp.Expr) -> Result:
        if isinstance(tree, _TRANSACTION):
            return self._ended(tree)
        return self._within(footprint.of_tree(tree, self.tables), lambda: self._run(tree))

    def _within(self, needed: Footprint, act: Callable[[], Result]) -> Result:
        """Run a statement wholly or not at all, once its tables are free. Takes the transaction's snapshot if it has none yet."""
        own = self._transaction is None
        if own:
            self.begin()
        assert self._transaction is not None
        self._shared.transactions.take(
            self._transaction, needed, cancelled=self._cancelled.is_set, resting=self.resting,
            table_id=lambda name: table_id(self._connection, name),
        )  # fmt: skip
        if not self._in_duckdb:
            self._connection.begin()
            self._in_duckdb = True
        result = act()
        if own:
            self.commit()
        return result

    def begin(self) -> None:
        """Open a transaction; its snapshot is taken with its first statement."""
        self._transaction = self._shared.transactions.begin()

    def commit(self) -> None:
        """Commit. StatementFailedError 1023 if the transactions are not serializable."""
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            return
        committed = False
        try:
            if self._in_duckdb:
                self._in_duckdb = False
                self._connection.commit()
            committed = True
        except duckdb.Error as error:
            raise translate_error(error) from error
        finally:
            self._shared.transactions.end(transaction, committed=committed)

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            if self._in_duckdb:
                self._in_duckdb = False
                with contextlib.suppress(duckdb.Error):
                    self._connection.rollback()
            self._shared.transactions.end(transaction, committed=False)

    def cancel(self) -> None:
        """Interrupt the running statement, from another thread, and start no other."""
        self._cancelled.set()
        threading.Thread(target=self._interrupt, name="redshift-cancel", daemon=True).start()

    def _interrupt(self) -> None:
        """Interrupt repeatedly until the statement has ended: an interrupt just before DuckDB begins is lost."""
        while not self._closed.wait(0.02) and self._cancelled.is_set():
            with contextlib.suppress(duckdb.ConnectionException):  # closed: it has just finished
                self._connection.interrupt()

    def reuse(self) -> None:
        """Clear a cancellation, so that the session can continue."""
        self._cancelled.clear()

    def close(self) -> None:
        """Roll back an open transaction; temporary tables are dropped."""
        self._closed.set()
        self.rollback()
        self._connection.close()

    def _refuse_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise StatementFailedError("Query cancelled on user's request")

    def _outside(
        self, name: str, schema: str, use: RelationUse
    ) -> tuple[TableName, dict[str, ColumnType | None]] | None:
        if name in SYSTEM_NAMES and schema in ("", "pg_catalog"):
            return self._views.bound(name, use.conditions)
        external = self._spectrum.find(schema)
        if external is None:
            return None
        return self._spectrum.bound(external, name, use.conditions, pseudo=use.pseudo)

    def _run(self, tree: exp.Expr) -> Result:
        if isinstance(tree, exp.Query):
            columns, cursor = self._executed(tree)
            values = cursor.fetchall()
            return Result(columns=columns, values=values, rows=len(values))
        if isinstance(tree, exp.TruncateTable):
            changed = self._changing.truncate(tree)
            self.commit()
            return Result(rows=changed)
        refuse_foreign(tree)
        act = self._acts.get(type(tree))
        if act is not None:
            return Result(rows=act(tree))
        if isinstance(tree, exp.Analyze) or (isinstance(tree, exp.Command) and tree.name.upper() in _UPKEEP):
            return Result()
        raise not_here(f"the statement {tree.sql('redshift')[:60]} is not supported")

    def _executed(self, tree: exp.Query) -> tuple[tuple[Column, ...], duckdb.DuckDBPyConnection]:
        """Returns the columns of a query, and DuckDB's cursor over its rows."""
        if tree.args.get("into") is not None:
            raise not_here("SELECT INTO is not supported: use CREATE TABLE AS")
        bind(tree, self.tables, self._database)
        declared_types = declared(tree, self.tables)
        text = duck_text(translate(tree, Oracle(self._connection, AGGREGATE_NAMES)))
        self._refuse_cancelled()
        cursor = self._connection.execute(text)
        described: Any = cursor.description or []
        return tuple(
            Column(name=each[0], kind=known if known is not None and known.is_text else type_of_duck(str(each[1])))
            for each, known in zip_longest(described, declared_types if len(declared_types) == len(described) else ())
        ), cursor

    def _ended(self, tree: exp.Expr) -> Result:
        if isinstance(tree, exp.Transaction):
            if self._transaction is None:
                self.begin()
        elif isinstance(tree, exp.Commit):
            self.commit()
        else:
            self.rollback()
        return Result()
