"""The three triggers of one table of MySQL or MariaDB, for any destination of the changes.

    CREATE TRIGGER `shop`.`rds_lake_update_5b0c…` AFTER UPDATE ON `shop`.`orders` FOR EACH ROW
    rds_lake_<digest>: BEGIN
      DECLARE EXIT HANDLER FOR SQLEXCEPTION INSERT INTO `rds_lake`.`outbox` …;      the key alone
      IF NOT ((OLD.`id`, …) <=> (NEW.`id`, …))            certainly a change: fast, as most writes are changes
         AND … <= 1048576 AND NOT @@insert_id THEN        in one condition, as each costs as much as writing the row
        INSERT INTO `rds_lake`.`outbox` …;
      ELSEIF NOT (OLD.`id` <=> NEW.`id` AND …) THEN       byte by byte, as an UPDATE without a new value is no change
        …                                                 images that have to be measured first
      END IF;
    END

**Which errors reach the writer.** No error of making an image. A row's content causes none: texts are made without errors in
the triggers' own SQL mode, and images have a limit. But after DROP COLUMN, RENAME COLUMN or a MODIFY to an incompatible type,
every statement that names the column fails, and without a handler every writer would. Such a change has only the key; the
other columns are in its `omitted`, which shows readers that the triggers have to be generated again. Errors of handing over do
reach the writer: if the outbox was dropped or the disk is full, the second INSERT fails like the first, and with it the
writer's statement, since a change that is in no outbox could never be noticed. A lock wait time-out is reported at once.

A trigger's name does not contain the table's name, because MariaDB makes longer file names from it. The block's label has the
digest, since clients remove comments.

What belongs here: the common part of all triggers. Handing over is `outbox.py` and `calls.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.model.streams.event import Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, mysql_literal
from rds_lake.sql.triggers.mysql.image import images_of, json_list, json_object
from rds_lake.sql.triggers.mysql.values import differs_surely, unchanged

LABEL = "rds_lake_"
_NOTHING = mysql_literal("{}")
_HANDLER = "DECLARE EXIT HANDLER FOR SQLEXCEPTION"
_VARIABLES = ("old_image", "new_image", "omitted")
_BUSY = (1205, 1213)  # a lock was waited for too long; a deadlock
EVENTS = {Op.INSERT: "INSERT", Op.UPDATE: "UPDATE", Op.DELETE: "DELETE"}
_ROWS = {Op.INSERT: ("NEW",), Op.UPDATE: ("OLD", "NEW"), Op.DELETE: ("OLD",)}


class HandsOver(Protocol):
    """The destination of a trigger's changes. `limit`: most bytes of an image. `takes_key`: whether it needs the key besides images.

    `at_once`: the condition under which `insert` alone hands a change over. It may be repeated after a failure, so
    images can be built in it. Empty: never.
    """

    @property
    def limit(self) -> int: ...

    @property
    def at_once(self) -> str: ...

    @property
    def takes_key(self) -> bool: ...

    def statement(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        """Returns the statement that hands over a change.

        `images`: expressions of old image, new image and the omitted columns, as JSON or NULL. The key is in the
        variable `key_image`.
        """
        ...

    def insert(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        """Returns one statement that hands over a change where `at_once` holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger. The spare one exists only while the other is replaced."""

    table: CapturedTable
    op: Op
    body: str

    def create(self, *, spare: bool = False) -> str:
        return (
            f"CREATE TRIGGER {self._place(spare)} AFTER {EVENTS[self.op]} ON {table_name(self.table.target)} "
            f"FOR EACH ROW\n{self.body}"
        )

    def drop(self, *, spare: bool = False) -> str:
        return f"DROP TRIGGER IF EXISTS {self._place(spare)}"

    def _place(self, spare: bool) -> str:
        name = trigger_name(self.table.target, self.op, spare=spare)
        return f"{backticked(self.table.target.database)}.{backticked(name)}"


def trigger_name(target: TableTarget, op: Op, *, spare: bool = False) -> str:
    """Returns `rds_lake_update_5b0c…`: unique in the table's database, and short enough for every table."""
    place = hashlib.sha256("\0".join((target.database, target.table)).encode()).hexdigest()
    return f"rds_lake_{'spare_' if spare else ''}{EVENTS[op].lower()}_{place[:16]}"


def triggers_of(table: CapturedTable, to: HandsOver) -> tuple[Trigger, ...]:
    """Returns the triggers for INSERT, UPDATE and DELETE, with the table's digest as label."""
    return tuple(Trigger(table=table, op=op, body=_body(table, op, to)) for op in EVENTS)


def table_name(target: TableTarget) -> str:
    return f"{backticked(target.database)}.{backticked(target.table)}"


def _body(table: CapturedTable, op: Op, to: HandsOver) -> str:
    statements = _at_once(table, op, to) if to.at_once else _by_variables(table, op, to)
    return f"{LABEL}{table.digest}: BEGIN\n{_block(statements)}\nEND"


def _at_once(table: CapturedTable, op: Op, to: HandsOver) -> Sequence[str]:
    """Returns the part that builds images inside of the statement: variables would copy them twice more."""
    images, rows = images_of(table, limit=to.limit), _variables(op, to)
    whole = [images.whole(row) if row in _ROWS[op] else "NULL" for row in ("OLD", "NEW")]
    written = to.statement(table.target, op, _VARIABLES)
    declared = _declared(_VARIABLES)
    fits = images.fits(_ROWS[op])
    measured = [declared, *images.declarations, *images.fitted(rows), written] if fits else []
    slow = _begin(measured) if fits else to.statement(table.target, op, [*whole, "NULL"])
    changed, surely = (_changed(table), differs_surely(table.columns)) if op is Op.UPDATE else ("", "")
    quick = "\nAND ".join(filter(None, (surely, fits, to.at_once)))
    act = [to.insert(table.target, op, [*whole, "NULL"])]
    otherwise = f"ELSEIF {changed} THEN" if changed else "ELSE"
    by_key = _begin([declared, _begin(_key_alone(table, rows)), written])
    return (
        f"DECLARE EXIT HANDLER FOR {', '.join(map(str, _BUSY))} RESIGNAL",
        f"{_HANDLER}\n{by_key}",
        f"IF {quick} THEN\n{_block(act)}\n{otherwise}\n{_block([slow])}\nEND IF",
    )


def _by_variables(table: CapturedTable, op: Op, to: HandsOver) -> Sequence[str]:
    """Returns the part that builds images in variables first, outside of any handler for errors of handing over."""
    images, rows = images_of(table, limit=to.limit), _variables(op, to)
    changed = ["changed = 1"] if op is Op.UPDATE else []
    key = [f"key_image = {json_object(_key(table), rows['key_image'])}"] if "key_image" in rows else []
    own = {variable: row for variable, row in rows.items() if variable != "key_image"}
    act = [f"SET {_listed([*changed, *key, *(f'{variable} = {images.whole(row)}' for variable, row in own.items())])}"]
    if fits := images.fits(_ROWS[op]):
        fitted = [*images.fitted(own), *(f"SET {each}" for each in (*changed, *key))]
        act = [f"IF {fits} THEN\n{_block(act)}\nELSE\n{_block(fitted)}\nEND IF"]
    handler = f"{_HANDLER}\n{_begin(_key_alone(table, rows, *changed))}"
    handed_over = to.statement(table.target, op, _VARIABLES)
    return (
        *images.declarations,
        *(["DECLARE changed TINYINT DEFAULT 0"] if changed else []),
        _declared([*_VARIABLES, *(["key_image"] if key else [])]),
        _begin([handler, *_if_changed(table, op, act)]),
        _if("changed", [handed_over]) if changed else handed_over,
    )


def _if_changed(table: CapturedTable, op: Op, act: Sequence[str]) -> Sequence[str]:
    if op is not Op.UPDATE:
        return act
    return (_if(_changed(table), act),)


def _changed(table: CapturedTable) -> str:
    same = "\n  AND ".join(unchanged(column) for column in table.columns)
    return f"NOT (\n  {same}\n)"


def _key_alone(table: CapturedTable, rows: Mapping[str, str], *more: str) -> Sequence[str]:
    """Returns statements for images with only the key, and empty ones if the key cannot be read."""
    key = _key(table)
    by_key = [f"{variable} = {json_object(key, row)}" for variable, row in rows.items()]
    others = json_list([column.name for column in table.columns if column not in key])
    empty = [f"{variable} = {_NOTHING}" for variable in rows]
    every = json_list([column.name for column in table.columns])
    return (
        f"{_HANDLER}\n  SET {_listed([*empty, f'omitted = {every}', *more])}",
        f"SET {_listed([*by_key, f'omitted = {others}', *more])}",
    )


def _variables(op: Op, to: HandsOver) -> Mapping[str, str]:
    """Returns each image's variable and its row. The key is the one after the change; for a delete, the last one."""
    images = {f"{row.lower()}_image": row for row in _ROWS[op]}
    return images | ({"key_image": _ROWS[op][-1]} if to.takes_key else {})


def _declared(variables: Sequence[str]) -> str:
    return f"DECLARE {', '.join(variables)} LONGTEXT CHARACTER SET utf8mb4"


def _begin(statements: Sequence[str]) -> str:
    return f"BEGIN\n{_block(statements)}\nEND"


def _key(table: CapturedTable) -> tuple[CapturedColumn, ...]:
    return tuple(column for column in table.columns if column.name in table.key)


def _block(statements: Sequence[str]) -> str:
    # Other characters that end a line in Python must not be changed, as they may be part of a name.
    return "\n".join("  " + statement.replace("\n", "\n  ") + ";" for statement in statements)


def _if(condition: str, statements: Sequence[str]) -> str:
    return f"IF {condition} THEN\n{_block(statements)}\nEND IF"


def _listed(assignments: Sequence[str]) -> str:
    return ",\n  ".join(assignments)
