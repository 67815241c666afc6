"""A database of a real MariaDB whose tables are captured: sessions, the outbox, and the tables as an export has them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pymysql

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.localcloud.databases.mysql import MySqlDatabase
from rds_lake.localcloud.databases.source import SourceColumn
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.model.streams.event import ChangeEvent, Image, Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import Described, TriggerPlan, Wanted, require_capturable

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Lab:
    """One database of the server, empty at the beginning."""

    url: str

    @property
    def dsn(self) -> Dsn:
        return parse_dsn(self.url, where="the test")

    @property
    def database(self) -> str:
        return self.dsn.database

    @contextmanager
    def session(self, *settings: str, user: tuple[str, str] | None = None) -> Iterator[pymysql.cursors.Cursor]:
        """A writer's session; `user` with a password instead of the one who may everything."""
        name, password = user or (self.dsn.user, self.dsn.password)
        connection = pymysql.connect(
            host=self.dsn.host,
            port=self.dsn.port,
            user=name,
            password=password,
            database=self.database,
            autocommit=True,
        )
        with closing(connection), connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(setting)
            yield cursor

    def run(self, *statements: str) -> tuple[tuple[Any, ...], ...]:
        with self.session("SET sql_mode = ''") as cursor:
            for statement in statements:
                cursor.execute(statement)
            return tuple(cursor.fetchall())

    def target(self, table: str) -> TableTarget:
        return TableTarget(database=self.database, schema=self.database, table=table)

    def described(self, *tables: str, capture: Capture = Capture.OUTBOX) -> tuple[Described, ...]:
        return describe(self.dsn, [self.target(table) for table in tables], capture=capture, level=Level.ROW)

    def plan(self, *tables: str, wanted: Wanted | None = None) -> TriggerPlan:
        wanted = wanted or Wanted(source="shop")
        return generate(self.dsn.engine, require_capturable(self.described(*tables, capture=wanted.capture)), wanted)

    def capture(self, *tables: str, wanted: Wanted | None = None) -> TriggerPlan:
        """The tables' changes are captured from now on, by the outbox unless something else is wanted."""
        plan = self.plan(*tables, wanted=wanted)
        install(self.dsn, plan)
        return plan

    def events(self, table: str) -> list[ChangeEvent]:
        """The table's changes in the outbox, in their order."""
        query = (
            "SELECT seq, op, at, old_image, new_image, omitted, "
            "COALESCE(JSON_VALID(old_image), 1) AND COALESCE(JSON_VALID(new_image), 1) AND COALESCE(JSON_VALID(omitted), 1) "
            "FROM rds_lake.outbox WHERE table_schema = %s AND table_name = %s ORDER BY seq"
        )
        with self.session() as cursor:
            cursor.execute(query, (self.database, table))
            rows = cursor.fetchall()
        assert all(valid for *_, valid in rows)
        return [
            ChangeEvent(
                seq=seq,
                op=Op(op),
                at=at.replace(tzinfo=UTC),
                old=None if old is None else json.loads(old),
                new=None if new is None else json.loads(new),
                omitted=tuple(json.loads(omitted or "[]")),
            )
            for seq, op, at, old, new, omitted, _ in rows
        ]

    def images(self, table: str) -> list[Image | None]:
        """What the table's changes say that a row has become."""
        return [event.new for event in self.events(table)]

    def exported(self, table: str) -> list[dict[str, Any]]:
        """The table's rows as an export has them."""
        database = MySqlDatabase(self.url)
        (source,) = [each for each in database.tables() if each.name == table]
        return [row for batch in database.batches(source) for row in batch.to_pylist()]

    def replayed(self, table: str, key: Sequence[str]) -> list[dict[str, Any]]:
        """The rows that the table's changes leave behind, as an export would have them."""
        (source,) = [each for each in MySqlDatabase(self.url).tables() if each.name == table]
        rows: dict[Key, Image] = {}
        for event in self.events(table):
            if event.old is not None:
                assert rows.pop(_key(event.old, key)) == event.old, "each change begins where the one before it ended"
            if event.new is not None:
                rows[_key(event.new, key)] = event.new
        return [{column.name: value_of(row[column.name], column) for column in source.columns} for row in rows.values()]


def value_of(text: str | None, column: SourceColumn) -> Any:
    """A text of an image as the value that an export has, by the table in `sql/triggers/mysql/values.py`."""
    value = None if text is None else _parsed(text, column)
    return pa.array([value], column.arrow).to_pylist()[0]


def _parsed(text: str, column: SourceColumn) -> Any:
    kind = column.arrow
    if column.data_type == "bit":
        return int(text).to_bytes(((column.num_precision or 0) + 7) // 8, "big")
    if pa.types.is_binary(kind):
        return bytes.fromhex(text)
    if pa.types.is_timestamp(kind):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            return None
    if pa.types.is_decimal(kind):
        return Decimal(text)
    if pa.types.is_integer(kind):
        return int(text)
    return float(text) if pa.types.is_floating(kind) else text


def in_order(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows that can be compared: texts, since 0.0 equals -0.0, in an order of their own."""
    return sorted(map(repr, rows))


def _key(image: Image, key: Sequence[str]) -> Key:
    return tuple(image[name] for name in key)
