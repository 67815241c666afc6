"""A database with an outbox on either engine, and the simplest triggers that fill it."""

import random
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql

from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import OWN_SCHEMA, CapturedColumn, CapturedTable, render_captured
from rds_lake.model.streams.event import ChangeEvent
from rds_lake.model.tables.table import TableTarget

TABLES = ("accounts", "Order Details")  # both: k, the key; v, a text; n, a number
State = dict[tuple[str, str], Mapping[str, str | None]]

_POSTGRES = """
DROP SCHEMA IF EXISTS rds_lake CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE SCHEMA rds_lake;
CREATE TABLE rds_lake.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid bigint, at timestamptz NOT NULL,
    table_schema text NOT NULL, table_name text NOT NULL, op text NOT NULL, old_image text, new_image text, omitted text);
CREATE TABLE rds_lake.position (id smallint PRIMARY KEY DEFAULT 1, cut bigint NOT NULL, epoch text NOT NULL);
INSERT INTO rds_lake.position (cut, epoch) VALUES (0, gen_random_uuid()::text);
CREATE TABLE rds_lake.capture (table_schema text, table_name text, definition text, PRIMARY KEY (table_schema, table_name));
CREATE FUNCTION rds_lake.image(value jsonb) RETURNS text LANGUAGE sql AS
    'SELECT jsonb_object_agg(key, value)::text FROM jsonb_each_text(value)';
CREATE FUNCTION rds_lake.captured() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO rds_lake.outbox (xid, at, table_schema, table_name, op, old_image, new_image) VALUES (
        pg_current_xact_id()::text::bigint, clock_timestamp(), tg_table_schema, tg_table_name, left(tg_op, 1),
        CASE WHEN tg_op <> 'INSERT' THEN rds_lake.image(to_jsonb(old)) END,
        CASE WHEN tg_op <> 'DELETE' THEN rds_lake.image(to_jsonb(new)) END);
    RETURN null;
END $$;
"""
_MYSQL = """
DROP DATABASE IF EXISTS rds_lake; CREATE DATABASE rds_lake CHARACTER SET utf8mb4;
CREATE TABLE rds_lake.outbox (seq bigint AUTO_INCREMENT PRIMARY KEY, xid bigint NULL, at datetime(6) NOT NULL,
    table_schema varchar(64) NOT NULL, table_name varchar(64) NOT NULL, op char(1) NOT NULL, old_image longtext,
    new_image longtext, omitted longtext) ENGINE=InnoDB;
CREATE TABLE rds_lake.position (id smallint PRIMARY KEY, cut bigint NOT NULL, epoch varchar(36) NOT NULL) ENGINE=InnoDB;
INSERT INTO rds_lake.position VALUES (1, 0, uuid());
CREATE TABLE rds_lake.capture (table_schema varchar(64), table_name varchar(64), definition longtext,
    PRIMARY KEY (table_schema, table_name)) ENGINE=InnoDB
"""


@dataclass(frozen=True, slots=True)
class Captured:
    """A database whose two tables are captured. `url` as the embedded servers give it."""

    url: str

    @property
    def dsn(self) -> Dsn:
        return parse_dsn(self.url, where="the test's")

    @property
    def name(self) -> str:
        return self.dsn.database

    @property
    def home(self) -> str:
        """The database with the outbox."""
        return OWN_SCHEMA if self.is_mysql else self.name

    @property
    def is_mysql(self) -> bool:
        return self.dsn.engine is Engine.MYSQL

    def connect(self, **options: Any) -> Any:
        """A connection of the driver; `autocommit` if asked."""
        if not self.is_mysql:
            return psycopg.connect(self.url, **options)
        parts = urlsplit(self.url)
        return pymysql.connect(
            host=parts.hostname or "",
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=unquote(parts.path.lstrip("/")),
            **options,
        )

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Statements, each in a transaction of its own; the rows of the last."""
        with closing(self.connect(autocommit=True)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            with suppress(psycopg.ProgrammingError):
                return list(cursor.fetchall())
        return []

    def quoted(self, name: str) -> str:
        return f"`{name}`" if self.is_mysql else f'"{name}"'

    def target(self, table: str) -> TableTarget:
        return TableTarget(database=self.name, schema=self.name if self.is_mysql else "public", table=table)

    def install(self) -> "Captured":
        """Empty tables, triggers, outbox, position and definitions."""
        self.run(*(line for line in _MYSQL.split(";"))) if self.is_mysql else self.run(_POSTGRES)
        for table in TABLES:
            self.run(f"DROP TABLE IF EXISTS {self.quoted(table)}")
            self.run(f"CREATE TABLE {self.quoted(table)} (k int PRIMARY KEY, v varchar(60), n int)")
            self.run(*(self._mysql_triggers(table) if self.is_mysql else self._postgres_trigger(table)))
            self.define(table)
        return self

    def define(self, table: str) -> None:
        """The table's row in `rds_lake.capture`."""
        columns = tuple(CapturedColumn(name=name, type="int" if name != "v" else "varchar(60)") for name in "kvn")
        target = self.target(table)
        text = render_captured(CapturedTable(target=target, columns=columns, key=("k",)))
        with closing(self.connect(autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO rds_lake.capture VALUES (%s, %s, %s)", (target.schema, table, text))

    def _postgres_trigger(self, table: str) -> Iterable[str]:
        yield (
            f'CREATE TRIGGER captured AFTER INSERT OR UPDATE OR DELETE ON "{table}" '
            "FOR EACH ROW EXECUTE FUNCTION rds_lake.captured()"
        )

    def _mysql_triggers(self, table: str) -> Iterable[str]:
        def image(side: str) -> str:
            return "json_object(" + ", ".join(f"'{name}', CAST({side}.{name} AS CHAR)" for name in "kvn") + ")"

        for op, old, new in (
            ("INSERT", "NULL", image("NEW")),
            ("UPDATE", image("OLD"), image("NEW")),
            ("DELETE", image("OLD"), "NULL"),
        ):
            yield (
                f"CREATE TRIGGER `{table[:5]}_{op}` AFTER {op} ON `{table}` FOR EACH ROW INSERT INTO rds_lake.outbox "
                f"(at, table_schema, table_name, op, old_image, new_image) VALUES (UTC_TIMESTAMP(6), DATABASE(), '{table}', "
                f"'{op[0]}', {old}, {new})"
            )

    def fill(self, *keys: int) -> None:
        """A change of each table for each key, with a gap in the ids between them."""
        other = self.quoted("Order Details")
        with closing(self.connect(autocommit=True)) as connection, connection.cursor() as cursor:
            for key in keys:
                cursor.execute(f"INSERT INTO accounts VALUES ({key}, 'a', 1)")
                for statement in ("BEGIN", f"INSERT INTO accounts VALUES ({-key}, 'a', 1)", "ROLLBACK"):
                    cursor.execute(statement)
                cursor.execute(f"INSERT INTO {other} VALUES ({key}, NULL, 2)")

    def rows(self) -> State:
        """What the tables have, as events have it."""
        found: State = {}
        for table in TABLES:
            for values in self.run(f"SELECT k, v, n FROM {self.quoted(table)}"):
                image = {name: None if value is None else str(value) for name, value in zip("kvn", values, strict=True)}
                found[table, str(values[0])] = image
        return found

    def outbox_rows(self) -> int:
        return self.run("SELECT count(*) FROM rds_lake.outbox")[0][0]

    def position(self) -> tuple[int, str]:
        return self.run("SELECT cut, epoch FROM rds_lake.position")[0]  # type: ignore[return-value]


def replay(state: State, events: Iterable[tuple[str, ChangeEvent]]) -> State:
    """The state after these events, given with their tables, which are applied by `seq`."""
    state = dict(state)
    for table, event in sorted(events, key=lambda pair: pair[1].seq):
        if event.old is not None:
            state.pop((table, str(event.old["k"])), None)
        if event.new is not None:
            state[table, str(event.new["k"])] = event.new
    return state


_REFUSED = (psycopg.errors.IntegrityError, pymysql.err.IntegrityError)
_GIVEN_UP = (psycopg.errors.OperationalError, psycopg.errors.InFailedSqlTransaction, pymysql.err.OperationalError)


def disturb(captured: Captured, seed: int, stop: Event, *, longest: float = 2.0, most: int = 1_000_000) -> int:
    """A writer: inserts, updates, deletes, key changes, savepoints, rollbacks, long transactions; how many it committed."""
    rnd, committed = random.Random(seed), 0
    with closing(captured.connect()) as connection, connection.cursor() as cursor:
        if captured.is_mysql:
            cursor.execute("SET innodb_lock_wait_timeout = 2")
        while not stop.is_set() and committed < most:
            try:
                for _ in range(rnd.randint(1, 6)):
                    _statement(captured, rnd, cursor)
                if rnd.random() < 0.01:
                    stop.wait(rnd.random() * longest)
                if rnd.random() < 0.25:
                    connection.rollback()
                else:
                    connection.commit()
                    committed += 1
            except _GIVEN_UP:
                connection.rollback()
    return committed


def _statement(captured: Captured, rnd: random.Random, cursor: Any) -> None:
    table, key, dice = captured.quoted(rnd.choice(TABLES)), rnd.randint(1, 60), rnd.random()
    text = f"{rnd.random()}-ä\n\"'"
    cursor.execute("SAVEPOINT s")
    try:
        if dice < 0.4:
            cursor.execute(f"INSERT INTO {table} VALUES (%s, %s, %s)", (key, text, rnd.randint(1, 9)))
        elif dice < 0.65:
            cursor.execute(f"UPDATE {table} SET v = %s WHERE k = %s", (rnd.choice([text, None]), key))
        elif dice < 0.8:
            cursor.execute(f"DELETE FROM {table} WHERE k = %s", (key,))
        else:
            cursor.execute(f"UPDATE {table} SET k = %s WHERE k = %s", (rnd.randint(1, 60), key))
        keep = rnd.random() > 0.15
    except _REFUSED:
        keep = False
    if not keep:
        cursor.execute("ROLLBACK TO SAVEPOINT s")


def transfer(captured: Captured, seed: int, stop: Event, *, accounts: int, pause: float = 0.01) -> None:
    """A writer who moves money between rows of the two tables; the sum of all is the same after each of its transactions."""
    rnd = random.Random(seed)
    one, other = (captured.quoted(table) for table in TABLES)
    with closing(captured.connect()) as connection, connection.cursor() as cursor:
        while not stop.wait(pause):
            amount, key, other_key = rnd.randint(-9, 9), rnd.randint(1, accounts), rnd.randint(1, accounts)
            with suppress(*_GIVEN_UP):
                cursor.execute(f"UPDATE {one} SET n = n - %s WHERE k = %s", (amount, key))
                if rnd.random() < 0.2:
                    time.sleep(rnd.random() * 0.02)
                cursor.execute(f"UPDATE {other} SET n = n + %s WHERE k = %s", (amount, other_key))
                connection.rollback() if rnd.random() < 0.1 else connection.commit()
                continue
            connection.rollback()
