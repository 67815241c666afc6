"""Writes a date into a schema of a PostgreSQL database, by COPY.

Each table is one transaction: it is created under a temporary name, filled, given its key, renamed over the old table, and
recorded in the table `_rds_lake_pull`. Readers see the old or the new rows; a table without a row in `_rds_lake_pull` is not
complete. A big table is filled by several connections, so it is created before that transaction; if the pull is killed, the next
one drops it (`unfinished.py`).

What belongs here: the schema's state, and one table. `postgres_session.py` connects.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import duckdb
import psycopg
import pyarrow as pa

from rds_lake.errors import PullError
from rds_lake.pull.copying import CopyingTogether, Sessions, copy_by_one
from rds_lake.pull.engine import Room, connect, fitting, translated
from rds_lake.pull.found_schema import MOST_BYTES, RECORD_COLUMNS, find_names, find_tables, refuse_in_the_way, too_wide
from rds_lake.pull.plan import MakeColumn, Plan, PulledTable
from rds_lake.pull.postgres_session import Session, open_session, refused
from rds_lake.pull.schema_rights import missing_rights
from rds_lake.pull.target import RECORD, Loaded, UnfitError, kinds_of, require_rows
from rds_lake.pull.unfinished import drop_unfinished, finish, unfinished
from rds_lake.sql.pull.postgres_columns import postgres_column
from rds_lake.sql.pull.select import Reading, column_list, select_lines
from rds_lake.sql.quoting import identifier, qualified
from rds_lake.threads import check

# `COPY orders, line 7, column total: "x"`; names of view columns have only these characters.
_IN_COLUMN = re.compile(r"\bcolumn ([a-z0-9_]+)\b")
_BATCH_BYTES, _VECTOR, _MOST_ROWS, _UNPACKED = 4 << 20, 2_048, 122_880, 8
_BIG_BYTES = 64 << 20  # bytes of Parquet; one connection loads their text in about ten seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSchema:
    """A schema of the database of `url`. `replace`: also replace tables that no pull made.

    `parallel`: the number of connections; big tables use those that other tables do not need.
    """

    url: str = field(repr=False)
    schema: str
    room: Room
    replace: bool = False
    parallel: int = 1
    new_token: Callable[[], str] = lambda: uuid.uuid4().hex[:12]

    @property
    def make_column(self) -> MakeColumn:
        return postgres_column

    @contextmanager
    def open(self, plan: Plan) -> Iterator[OpenedSchema]:
        """Open the schema, which no other pull uses meanwhile. PullError lists all tables that cannot be written to it."""
        if len(self.schema.encode()) > MOST_BYTES:
            raise PullError(
                f"the schema {self.schema} has a name of more than {MOST_BYTES} bytes, which PostgreSQL does not allow"
            )
        with open_session(self.url) as session, translated("reading", self.room.memory):
            session.lock(self.schema)
            names = find_names(session, self.schema, [table.view for table in plan.tables])
            missing = missing_rights(session, self.schema, names)
            existing = find_tables(session, self.schema, names, may_read=not missing)
            refuse_in_the_way(plan, self.schema, existing, replace=self.replace, missing=missing)
            session.run(f"CREATE SCHEMA IF NOT EXISTS {identifier(self.schema)}", unless=names.namespace is not None)
            session.run(
                f"CREATE TABLE {qualified(self.schema, RECORD)} ({RECORD_COLUMNS})", unless=names.record is not None
            )
            drop_unfinished(session, self.schema)
            with connect(":memory:", self.room) as engine:
                engine.execute("SET GLOBAL arrow_large_buffer_size = true")
                yield OpenedSchema(
                    target=self,
                    plan=plan,
                    engine=engine,
                    whole=existing.whole(plan),
                    refused=too_wide(plan),
                    sessions=Sessions(self.parallel),
                )


@dataclass(slots=True)
class OpenedSchema:
    """The open schema. Each table is written over its own session."""

    target: PostgresSchema
    plan: Plan
    engine: duckdb.DuckDBPyConnection
    whole: Mapping[str, Loaded]
    refused: Mapping[str, str]
    sessions: Sessions
    _readers: set[duckdb.DuckDBPyConnection] = field(default_factory=set)

    def load(
        self,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        *,
        moved: Callable[[int], None],
    ) -> Loaded:
        """Write the table in one transaction, a big table in two."""
        with (
            self._reader() as reader,
            open_session(self.target.url) as session,
            self.sessions.one(),
            translated(table.view, self.target.room.memory),
        ):
            coming = f"{RECORD}_{self.target.new_token()}"
            texts = self._texts(reader, table, chosen, readings, moved)
            if table.bytes < _BIG_BYTES:
                return self._load(session, coming, table, chosen, texts)
            return self._load_big(session, coming, table, chosen, texts)

    def interrupt(self) -> None:
        """Cancel DuckDB's reads; statements of PostgreSQL end with their thread."""
        for reader in tuple(self._readers):
            with suppress(duckdb.ConnectionException):  # it was closed at the same moment
                reader.interrupt()

    @contextmanager
    def _reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.engine.cursor() as reader:
            self._readers.add(reader)
            try:
                yield reader
            finally:
                self._readers.discard(reader)

    def _load(
        self,
        session: Session,
        coming: str,
        table: PulledTable,
        chosen: Mapping[str, int],
        texts: Iterator[memoryview],
    ) -> Loaded:
        place = qualified(self.target.schema, coming)
        with session.transaction():
            session.run(f"CREATE TABLE {place} ({column_list(table.columns, chosen)})")
            with _choosing(table):
                # FREEZE: this transaction created the table, so no other session can see rows too early.
                rows = copy_by_one(session, f"COPY {place} FROM STDIN WITH (FORMAT text, FREEZE)", texts)
            return self._put(session, coming, table, chosen, rows)

    def _load_big(
        self,
        session: Session,
        coming: str,
        table: PulledTable,
        chosen: Mapping[str, int],
        texts: Iterator[memoryview],
    ) -> Loaded:
        @contextmanager
        def connect() -> Iterator[Session]:
            with open_session(self.target.url) as writer, _choosing(table):
                yield writer

        place = qualified(self.target.schema, coming)
        with unfinished(session, self.target.schema, coming, column_list(table.columns, chosen)):
            statement = f"COPY {place} FROM STDIN WITH (FORMAT text)"
            rows = CopyingTogether(statement=statement, connect=connect, sessions=self.sessions).copy(texts)
            with session.transaction():
                finish(session, self.target.schema, coming)
                return self._put(session, coming, table, chosen, rows)

    def _texts(
        self,
        reader: duckdb.DuckDBPyConnection,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        moved: Callable[[int], None],
    ) -> Iterator[memoryview]:
        """Returns the rows in COPY's format. UnfitError if a value cannot be written in its column's format."""
        for reading in readings:
            with fitting(self.engine, table.columns, chosen, reading):
                query = reader.sql(select_lines(table.columns, chosen, reading))
                for batch in query.to_arrow_reader(_rows_at_once(table)):
                    check()
                    yield _text_of(batch.column(0))
                    moved(batch.num_rows)

    def _put(self, session: Session, coming: str, table: PulledTable, chosen: Mapping[str, int], rows: int) -> Loaded:
        """Give the filled table its key and its name, and record it."""
        require_rows(table, rows)
        if table.keys:
            _add_key(session, table, qualified(self.target.schema, coming))
        _put_in_place(session, self.target.schema, coming, table)
        loaded = Loaded(view=table.view, rows=rows, kinds=kinds_of(table, chosen))
        self._record(session, table, loaded)
        return loaded

    def _record(self, session: Session, table: PulledTable, loaded: Loaded) -> None:
        place, plan = qualified(self.target.schema, RECORD), self.plan
        session.run(f"DELETE FROM {place} WHERE view_name = %s", [table.view])
        session.run(
            f"INSERT INTO {place} SELECT %s, %s, %s, %s, %s, %s, %s, %s::text::regclass::oid, now()",
            [
                plan.source,
                plan.day,
                plan.export_task,
                table.view,
                table.table,
                loaded.rows,
                json.dumps(loaded.kinds),
                qualified(self.target.schema, table.view),
            ],
        )


@contextmanager
def _choosing(table: PulledTable) -> Iterator[None]:
    """If the server refuses a value, choose another format for its column."""
    try:
        yield
    except psycopg.DataError as error:
        match = _IN_COLUMN.search(error.diag.context or "")
        if match is None or match[1] not in {column.name for column in table.columns}:
            raise
        raise UnfitError([match[1]]) from error


def _rows_at_once(table: PulledTable) -> int:
    """Returns how many rows have some megabytes of text, at least DuckDB's own batch size."""
    wide = max(1, table.bytes * _UNPACKED // max(1, table.rows))
    return max(_VECTOR, min(_MOST_ROWS, _BATCH_BYTES // wide))


def _text_of(lines: pa.Array) -> memoryview:
    """Returns the joined lines, from the buffer that they already share."""
    _, offsets, data = lines.buffers()
    if offsets is None or data is None:
        return memoryview(b"")
    kind: Literal["q", "i"] = "q" if pa.types.is_large_string(lines.type) else "i"
    places = memoryview(offsets).cast("B").cast(kind)
    return memoryview(data)[places[lines.offset] : places[lines.offset + len(lines)]]


def _add_key(session: Session, table: PulledTable, place: str) -> None:
    listed = ", ".join(map(identifier, table.keys))
    try:
        session.run(f"ALTER TABLE {place} ADD PRIMARY KEY ({listed})")
    except (psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.errors.ProgramLimitExceeded) as error:
        raise PullError(
            f"({', '.join(table.keys)}) cannot be the primary key ({refused(error)}): name other columns under `keys:` in "
            "lake.yaml, or pull it with --no-keys"
        ) from error


def _put_in_place(session: Session, schema: str, coming: str, table: PulledTable) -> None:
    """Rename the table, and its key to the name that PostgreSQL would choose, if that is free."""
    session.run(f"DROP TABLE IF EXISTS {qualified(schema, table.view)}")
    session.run(f"ALTER TABLE {qualified(schema, coming)} RENAME TO {identifier(table.view)}")
    key = f"{table.view}_pkey"
    if table.keys and not session.ask("SELECT to_regclass(%s)::oid", [qualified(schema, key)]):
        session.run(
            f"ALTER TABLE {qualified(schema, table.view)} RENAME CONSTRAINT {identifier(f'{coming}_pkey')} TO {identifier(key)}"
        )
