"""A shop in a database of either engine: its tables, what they hold as text, and capture by the generated triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pymysql

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install
from rds_lake.database.connecting import for_pymysql
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.errors import UnavailableError
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import OWN_SCHEMA, Capture, Level
from rds_lake.model.streams.event import ChangeEvent, Image, Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, require_capturable

Texts = Sequence[str | None]
Row = tuple[Any, ...]
Rows = dict[Row, Row]  # by key
State = dict[str, Rows]  # by table


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column: its name, its types in PostgreSQL and MySQL, and how one of its texts is compared."""

    name: str
    postgres: str
    mysql: str
    value: Callable[[str], Any] = str


def _flag(text: str) -> bool:
    return text in ("t", "true", "1")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix(" UTC").removesuffix("+00"))


_ID = Field(name="id", postgres="bigint", mysql="bigint", value=int)
_AMOUNT = Field(name="amount", postgres="numeric(12,2) NOT NULL", mysql="decimal(12,2) NOT NULL", value=Decimal)
ADDED = Field(name="addedLater", postgres="integer", mysql="int", value=int)
TABLES: Mapping[str, tuple[Field, ...]] = {
    "customers": (
        _ID,
        Field(name="name", postgres="text", mysql="varchar(80)"),
        Field(name="since", postgres="timestamptz(3)", mysql="datetime(3)", value=_moment),
    ),
    "Order Details": (
        Field(name="order", postgres="integer", mysql="int", value=int),
        Field(name="line", postgres="integer", mysql="int", value=int),
        Field(name="customer", postgres="bigint", mysql="bigint", value=int),
        Field(name="note", postgres="text", mysql="text"),
        Field(name="price", postgres="numeric(12,2)", mysql="decimal(12,2)", value=Decimal),
        Field(name="group", postgres="boolean", mysql="bit(1)", value=_flag),
    ),
    "accounts": (_ID, _AMOUNT),
    "savings": (_ID, _AMOUNT),
}
KEYS = {"customers": 1, "Order Details": 2, "accounts": 1, "savings": 1}
_CASCADE = (
    'ALTER TABLE "Order Details" ADD FOREIGN KEY (customer) REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`url`: of its database. `schema`: of PostgreSQL, in which its tables are.

    `added`: whether `customers` has the column that is added while changes are captured.
    """

    url: str
    schema: str = "public"
    added: bool = False

    @property
    def dsn(self) -> Dsn:
        return parse_dsn(self.url, where="the test")

    @property
    def database(self) -> str:
        return self.dsn.database

    @property
    def is_mysql(self) -> bool:
        return self.dsn.engine is Engine.MYSQL

    @property
    def home(self) -> str:
        """The database with the outbox."""
        return OWN_SCHEMA if self.is_mysql else self.database

    @property
    def urls(self) -> tuple[str, ...]:
        """Of all databases that an export has."""
        parts = urlsplit(self.url)
        return (self.url, urlunsplit(parts._replace(path=f"/{OWN_SCHEMA}"))) if self.is_mysql else (self.url,)

    def fields(self, table: str) -> tuple[Field, ...]:
        return (*TABLES[table], ADDED) if self.added and table == "customers" else TABLES[table]

    def quoted(self, name: str) -> str:
        return f"`{name}`" if self.is_mysql else f'"{name}"'

    def place(self, table: str) -> str:
        """The table, whatever database the session is in."""
        return f"{self.quoted(self.database if self.is_mysql else self.schema)}.{self.quoted(table)}"

    def target(self, table: str) -> TableTarget:
        return TableTarget(database=self.database, schema=self.database if self.is_mysql else self.schema, table=table)

    def connect(self, *, autocommit: bool = False) -> Any:
        """A connection of the driver."""
        if not self.is_mysql:
            return psycopg.connect(self.url, autocommit=autocommit)
        return pymysql.connect(**for_pymysql(self.dsn), database=self.database, autocommit=autocommit)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Statements, each in a transaction of its own; the rows of the last."""
        with closing(self.connect(autocommit=True)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def create(self) -> Shop:
        """Its tables, with a hundred rows each."""
        if not self.is_mysql:
            self.run(
                f"CREATE SCHEMA IF NOT EXISTS {self.schema}",
                f"ALTER DATABASE {self.database} SET search_path = {self.schema}",
            )
        for table, fields in TABLES.items():
            listed = [f"{self.quoted(each.name)} {each.mysql if self.is_mysql else each.postgres}" for each in fields]
            key = ", ".join(self.quoted(each.name) for each in fields[: KEYS[table]])
            self.run(f"CREATE TABLE {self.quoted(table)} ({', '.join(listed)}, PRIMARY KEY ({key}))")
        details = self.quoted("Order Details")
        for number in range(1, 101):
            self.run(
                f"INSERT INTO customers VALUES ({number}, 'customer {number}', '2026-01-01 12:00:00.5')",
                f"INSERT INTO {details} VALUES ({number}, 1, {number}, 'first', 1.5, {self.flag(number % 2)})",
                *(f"INSERT INTO {table} VALUES ({number}, 100)" for table in ("accounts", "savings")),
            )
        if not self.is_mysql:
            self.run(_CASCADE)
        return self

    def flag(self, number: int) -> str:
        return f"b'{number}'" if self.is_mysql else ("false", "true")[number]

    def capture(self, *, level: Level = Level.ROW) -> TriggerPlan:
        """Install the triggers that are generated for its tables as they are now; again where writers keep tables busy."""
        targets = [self.target(table) for table in TABLES]
        described = describe(self.dsn, targets, capture=Capture.OUTBOX, level=level)
        plan = generate(self.dsn.engine, require_capturable(described), Wanted(source="shop", level=level))
        for attempt in range(20):
            try:
                install(self.dsn, plan)
                return plan
            except UnavailableError:
                if attempt == 19:
                    raise
        raise AssertionError

    def state(self, query: Callable[[str], Sequence[Texts]]) -> State:
        """What the tables have, by a function that asks the database."""
        return {table: self.rows(table, query(self._select(table))) for table in TABLES}

    def rows(self, table: str, rows: Sequence[Texts]) -> Rows:
        """Rows of texts as values, by key."""
        fields, found = self.fields(table), {}
        for texts in rows:
            values = tuple(None if text is None else each.value(text) for each, text in zip(fields, texts, strict=True))
            assert values[: KEYS[table]] not in found, f"{table} has two rows of {values[: KEYS[table]]}"
            found[values[: KEYS[table]]] = values
        return found

    def now(self) -> State:
        """What the tables have now."""
        return self.state(lambda statement: self.run(*(() if self.is_mysql else ("SET timezone = 'UTC'",)), statement))

    def replayed(self, start: State, events: Iterable[tuple[str, ChangeEvent]]) -> State:
        """The tables after these changes, which are given with their tables and by their numbers."""
        state = self.widened(start)
        for table, event in events:
            rows = state[table]
            if event.op is Op.TRUNCATE:
                rows.clear()
            if event.old is not None:
                rows.pop(self._row(table, event.old)[: KEYS[table]], None)
            if event.new is not None:
                row = self._row(table, event.new)
                rows[row[: KEYS[table]]] = row
        return state

    def widened(self, state: State) -> State:
        """Rows of earlier times have nothing in a column that was added later."""
        return {
            table: {key: (*row, *[None] * (len(self.fields(table)) - len(row))) for key, row in rows.items()}
            for table, rows in state.items()
        }

    def _row(self, table: str, image: Image) -> Row:
        texts = [(each, image.get(each.name)) for each in self.fields(table)]
        return tuple(None if text is None else each.value(text) for each, text in texts)

    def _select(self, table: str) -> str:
        def text(each: Field) -> str:
            name = self.quoted(each.name)
            if not self.is_mysql:
                return f"{name}::text"
            return f"CAST({name} AS UNSIGNED)" if each.mysql.startswith("bit") else name

        listed = ", ".join(
            f"CAST({text(each)} AS CHAR)" if self.is_mysql else text(each) for each in self.fields(table)
        )
        return f"SELECT {listed} FROM {self.place(table)}"
