"""The outbox of a MySQL or MariaDB server, its other tables, and the statement that writes a change into it.

    rds_lake.outbox      seq, xid (NULL: triggers have no transaction id), at (UTC), table_schema, table_name, op,
                         old_image, new_image, omitted
    rds_lake.position    id 1, cut, epoch
    rds_lake.capture     table_schema, table_name, definition
    rds_lake.dropped     only with `capture: lambda`: a row for each change that could not be handed over

They are a database of their own, since in MySQL a database is a schema. All their types are exported without a rule, and names
are compared byte by byte: a server may have both `Orders` and `orders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.model.streams.captured import CAPTURE, OUTBOX, OWN_SCHEMA, POSITION, CapturedTable, render_captured
from rds_lake.model.streams.event import Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, mysql_literal

DROPPED = "dropped"
# `SET INSERT_ID` of a writer, or in mysqlbinlog's output, would set the outbox's `seq` if the table has no AUTO_INCREMENT.
# https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_insert_id
_NO_GIVEN_NUMBER = "NOT @@insert_id"
_TAKE_BACK = "SET @@session.insert_id = 0"
_STORED = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
_NAMES = "`table_schema` VARCHAR(64) NOT NULL, `table_name` VARCHAR(64) NOT NULL"

# The columns of each, which distinguish other programs' tables of the same names.
OWN_COLUMNS = {
    OUTBOX: {"seq", "xid", "at", "table_schema", "table_name", "op", "old_image", "new_image", "omitted"},
    POSITION: {"id", "cut", "epoch"},
    CAPTURE: {"table_schema", "table_name", "definition"},
    DROPPED: {"id", "xid", "at", "table_schema", "table_name", "op", "error"},
}


def own_name(table: str) -> str:
    """Returns `rds_lake`.`table`."""
    return f"{backticked(OWN_SCHEMA)}.{backticked(table)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOutbox:
    """Changes become rows of the outbox, in the writer's transaction."""

    limit: int
    takes_key: bool = False
    at_once: str = _NO_GIVEN_NUMBER

    def statement(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        return f"{_TAKE_BACK};\n{self.insert(target, op, images)}"

    def insert(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        # VALUES and never SELECT, which would lock the numbers of the outbox until the writer's statement ends.
        names = f"{mysql_literal(target.schema)}, {mysql_literal(target.table)}, {mysql_literal(op)}"
        return (
            f"INSERT INTO {own_name(OUTBOX)} "
            "(`at`, `table_schema`, `table_name`, `op`, `old_image`, `new_image`, `omitted`)\n"
            f"VALUES (UTC_TIMESTAMP(6), {names}, {', '.join(images)})"
        )


CREATE_DATABASE = f"CREATE DATABASE IF NOT EXISTS {backticked(OWN_SCHEMA)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

CREATE_CAPTURE = (
    f"CREATE TABLE IF NOT EXISTS {own_name(CAPTURE)} ({_NAMES}, `definition` LONGTEXT NOT NULL, "
    f"PRIMARY KEY (`table_schema`, `table_name`)) {_STORED}"
)

CREATE_OUTBOX = (
    f"CREATE TABLE IF NOT EXISTS {own_name(OUTBOX)} (`seq` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, `xid` BIGINT NULL, "
    f"`at` DATETIME(6) NOT NULL, {_NAMES}, `op` VARCHAR(1) NOT NULL, "
    f"`old_image` LONGTEXT NULL, `new_image` LONGTEXT NULL, `omitted` LONGTEXT NULL) {_STORED}",
    f"CREATE TABLE IF NOT EXISTS {own_name(POSITION)} (`id` SMALLINT NOT NULL PRIMARY KEY, `cut` BIGINT NOT NULL, "
    f"`epoch` VARCHAR(36) NOT NULL) {_STORED}",
    f"INSERT IGNORE INTO {own_name(POSITION)} (`id`, `cut`, `epoch`) VALUES (1, 0, UUID())",
)


CREATE_DROPPED = (
    f"CREATE TABLE IF NOT EXISTS {own_name(DROPPED)} (`id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, `xid` BIGINT NULL, "
    f"`at` DATETIME(6) NOT NULL, {_NAMES}, `op` VARCHAR(1) NOT NULL, `error` TEXT NULL) {_STORED}"
)


def define(table: CapturedTable) -> str:
    """Returns the statement that writes the table's definition."""
    names = f"{mysql_literal(table.target.schema)}, {mysql_literal(table.target.table)}"
    return f"REPLACE INTO {own_name(CAPTURE)} VALUES ({names}, {mysql_literal(render_captured(table))})"


def forget(table: CapturedTable) -> str:
    """Returns the statement that removes it."""
    return (
        f"DELETE FROM {own_name(CAPTURE)} WHERE `table_schema` = {mysql_literal(table.target.schema)} "
        f"AND `table_name` = {mysql_literal(table.target.table)}"
    )
