"""The three triggers of one table of MySQL or MariaDB, whatever takes their changes.

    CREATE TRIGGER `shop`.`rds_lake_update_5b0c…` AFTER UPDATE ON `shop`.`orders` FOR EACH ROW
    rds_lake_<digest>: BEGIN
      DECLARE …;
      BEGIN
        DECLARE EXIT HANDLER FOR SQLEXCEPTION …;          the key alone
        SET changed = NOT (OLD.`id` <=> NEW.`id` AND …);  an UPDATE that changes nothing is no change
        IF changed THEN SET old_image = …; END IF;
      END;
      IF changed THEN INSERT INTO `rds_lake`.`outbox` …; END IF;
    END

**Which errors reach the writer.** None of making an image. No row's content causes one: texts are made without errors in the
triggers' own SQL mode, and images have a limit. But after DROP COLUMN, RENAME COLUMN or a MODIFY to an incompatible type, every
statement that names the column fails, and without a handler every writer would. Such a change has the key alone; the other columns
are in its `omitted`, which tells readers that the triggers have to be generated again. Nothing has been written by then, so that
nothing is hidden by handling every error there. Handing over has no handler: where the outbox is gone or the disk is full, the
writer's statement fails, since a change that was made and is in no outbox could never be noticed.

A trigger's name has no letter of the table's name, because MariaDB makes file names of it, which are longer. The block's label
has the digest, since clients remove comments.

What belongs here: what all triggers have. Handing over is `outbox.py` and `calls.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.model.streams.event import Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, mysql_literal
from rds_lake.sql.triggers.mysql.image import images_of, json_list, json_object
from rds_lake.sql.triggers.mysql.values import unchanged

LABEL = "rds_lake_"
_NOTHING = mysql_literal("{}")
EVENTS = {Op.INSERT: "INSERT", Op.UPDATE: "UPDATE", Op.DELETE: "DELETE"}
_ROWS = {Op.INSERT: ("NEW",), Op.UPDATE: ("OLD", "NEW"), Op.DELETE: ("OLD",)}


class HandsOver(Protocol):
    """Where a trigger's changes go. `limit`: the most bytes of an image. `takes_key`: besides the images."""

    @property
    def limit(self) -> int: ...

    @property
    def takes_key(self) -> bool: ...

    def statement(self, target: TableTarget, op: Op) -> str:
        """The statement that hands over `old_image`, `new_image`, `omitted`, and `key_image`: JSON, where there is any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger. The spare one is there only while the other is replaced."""

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
    """`rds_lake_update_5b0c…`: unique in the table's database, and too short for no table."""
    place = hashlib.sha256("\0".join((target.database, target.table)).encode()).hexdigest()
    return f"rds_lake_{'spare_' if spare else ''}{EVENTS[op].lower()}_{place[:16]}"


def triggers_of(table: CapturedTable, to: HandsOver) -> tuple[Trigger, ...]:
    """The triggers for INSERT, UPDATE and DELETE; their label has the table's digest."""
    return tuple(Trigger(table=table, op=op, body=_body(table, op, to)) for op in EVENTS)


def table_name(target: TableTarget) -> str:
    return f"{backticked(target.database)}.{backticked(target.table)}"


def _body(table: CapturedTable, op: Op, to: HandsOver) -> str:
    images = images_of(table, limit=to.limit)
    texts = "DECLARE key_image, old_image, new_image, omitted LONGTEXT CHARACTER SET utf8mb4"
    declared = [*images.declarations, "DECLARE changed TINYINT DEFAULT 1", texts]
    whole = [f"{row.lower()}_image = {images.image(row)}" for row in _ROWS[op]]
    if to.takes_key:
        whole.append(f"key_image = {json_object(_key(table), _ROWS[op][-1])}")
    act = (*images.measure(_ROWS[op]), f"SET {_listed([*whole, f'omitted = {images.omitted}'])}")
    made = f"BEGIN\n{_block([_key_alone(table, op), *_if_changed(table, op, act)])}\nEND"
    handed_over = _if("changed", [to.statement(table.target, op)])
    return f"{LABEL}{table.digest}: BEGIN\n{_block([*declared, made, handed_over])}\nEND"


def _if_changed(table: CapturedTable, op: Op, act: Sequence[str]) -> Sequence[str]:
    if op is not Op.UPDATE:
        return act
    same = "\n  AND ".join(unchanged(column) for column in table.columns)
    return (f"SET changed = NOT (\n  {same}\n)", _if("changed", act))


def _key_alone(table: CapturedTable, op: Op) -> str:
    """The handler for what fails meanwhile: images of the key, and empty ones where the key itself cannot be read."""
    key = _key(table)
    by_key = [f"{row.lower()}_image = {json_object(key, row)}" for row in _ROWS[op]]
    by_key.append(f"key_image = {json_object(key, _ROWS[op][-1])}")
    others = json_list([column.name for column in table.columns if column not in key])
    empty = [f"{row}_image = {_NOTHING}" for row in (*map(str.lower, _ROWS[op]), "key")]
    every = json_list([column.name for column in table.columns])
    handler = "DECLARE EXIT HANDLER FOR SQLEXCEPTION"
    inner = f"{handler}\n  SET {_listed([*empty, f'omitted = {every}', 'changed = 1'])}"
    outer = f"SET {_listed([*by_key, f'omitted = {others}', 'changed = 1'])}"
    return f"{handler}\nBEGIN\n{_block([inner, outer])}\nEND"


def _key(table: CapturedTable) -> tuple[CapturedColumn, ...]:
    return tuple(column for column in table.columns if column.name in table.key)


def _block(statements: Sequence[str]) -> str:
    # No other character that ends a line in Python may be moved: it may be part of a name.
    return "\n".join("  " + statement.replace("\n", "\n  ") + ";" for statement in statements)


def _if(condition: str, statements: Sequence[str]) -> str:
    return f"IF {condition} THEN\n{_block(statements)}\nEND IF"


def _listed(assignments: Sequence[str]) -> str:
    return ",\n  ".join(assignments)
