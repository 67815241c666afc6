"""The three triggers of one table of MySQL or MariaDB, whatever takes their changes.

    CREATE TRIGGER `shop`.`rds_lake_update_5b0c…` AFTER UPDATE ON `shop`.`orders` FOR EACH ROW
    rds_lake_<digest>: BEGIN
      DECLARE …;                                     sizes of wide columns, where the table has any
      DECLARE EXIT HANDLER FOR 1054 …;               a column is gone: the key alone
      IF NOT (OLD.`id` <=> NEW.`id` AND …) THEN      an UPDATE that changes nothing is no change
        INSERT INTO `rds_lake`.`outbox` …;
      END IF;
    END

**Which errors reach the writer.** None that a row's content could cause: texts are made without errors in the triggers' own SQL
mode, and images have a limit. After DROP COLUMN or RENAME COLUMN every statement of a trigger that names the column fails with
error 1054, and with it every writer: that one error is handled, and the change has the key alone; the other columns are in its
`omitted`, which tells readers that the triggers have to be generated again. Nothing else is handled. Where the outbox is gone
or the disk is full, the writer's statement fails: a change that was made and is in no outbox could never be noticed.

A trigger's name has no letter of the table's name, because MariaDB makes file names of it, which are longer. The block's label
has the digest, since clients remove comments.

What belongs here: what all triggers have. Handing over is `mysql_outbox.py` and `mysql_lambda.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Protocol

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.model.streams.event import Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, mysql_literal
from rds_lake.sql.triggers.mysql_image import Images, images_of, json_list, json_object
from rds_lake.sql.triggers.mysql_values import unchanged

LABEL = "rds_lake_"
_UNKNOWN_COLUMN = 1054
_NOTHING = mysql_literal("{}")
EVENTS = {Op.INSERT: "INSERT", Op.UPDATE: "UPDATE", Op.DELETE: "DELETE"}
_ROWS = {Op.INSERT: ("NEW",), Op.UPDATE: ("OLD", "NEW"), Op.DELETE: ("OLD",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as expressions: JSON objects, of which `old` or `new` may be NULL, and a JSON list or NULL."""

    op: Op
    key: str
    old: str
    new: str
    omitted: str


class HandsOver(Protocol):
    """Where a trigger's changes go. `limit`: the most bytes of an image."""

    @property
    def limit(self) -> int: ...

    def statement(self, target: TableTarget, change: Change) -> str:
        """The statement that hands a change over."""
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
    declarations = [*images.declarations, _without_a_column(table, op, to)]
    act = [*images.measure(_ROWS[op]), _handed_over(table, op, to, images)]
    if op is Op.UPDATE:
        same = "\n  AND ".join(unchanged(column) for column in table.columns)
        act = [f"IF NOT (\n  {same}\n) THEN\n{_block(act)}\nEND IF"]
    return f"{LABEL}{table.digest}: BEGIN\n{_block([*declarations, *act])}\nEND"


def _handed_over(table: CapturedTable, op: Op, to: HandsOver, images: Images) -> str:
    old, new = (images.image(row) if row in _ROWS[op] else "NULL" for row in ("OLD", "NEW"))
    key = json_object(_key(table), _ROWS[op][-1])
    return to.statement(table.target, Change(op=op, key=key, old=old, new=new, omitted=images.omitted))


def _without_a_column(table: CapturedTable, op: Op, to: HandsOver) -> str:
    """The handler of error 1054: the change with its key alone, and of an empty image where the key itself is gone."""
    key = _key(table)
    others = json_list([column.name for column in table.columns if column not in key])
    old, new = (json_object(key, row) if row in _ROWS[op] else "NULL" for row in ("OLD", "NEW"))
    by_key = Change(op=op, key=json_object(key, _ROWS[op][-1]), old=old, new=new, omitted=others)
    old, new = (_NOTHING if row in _ROWS[op] else "NULL" for row in ("OLD", "NEW"))
    every = json_list([column.name for column in table.columns])
    bare = Change(op=op, key=_NOTHING, old=old, new=new, omitted=every)
    handler = f"DECLARE EXIT HANDLER FOR {_UNKNOWN_COLUMN}"
    inner = f"{handler}\n{indent(to.statement(table.target, bare), '  ')}"
    return f"{handler}\nBEGIN\n{_block([inner, to.statement(table.target, by_key)])}\nEND"


def _key(table: CapturedTable) -> tuple[CapturedColumn, ...]:
    return tuple(column for column in table.columns if column.name in table.key)


def _block(statements: Sequence[str]) -> str:
    return "\n".join(indent(statement, "  ") + ";" for statement in statements)
