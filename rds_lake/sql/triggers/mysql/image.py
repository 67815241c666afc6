"""A row's image in a trigger of MySQL and MariaDB, and which of its columns are left out where it would be too long.

A table whose rows always fit has images of one JSON_OBJECT. Of others the trigger adds up, change by change, how long each wide
column is, and leaves the longest out of both images until the rest fits; `omitted` names them. So no image is longer than any
server's packets or a tenth of its redo log, beyond which the writer's statement would fail.

What belongs here: images as expressions, and the statements that measure. The triggers are `body.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.sql.quoting import mysql_literal
from rds_lake.sql.triggers.mysql.values import bytes_bound, bytes_exactly, most_bytes, text_of

# Narrower columns are never left out.
_NARROW_BYTES = 1024
_BETWEEN = 4  # the colon, the comma and their spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of one table's rows, each of at most `limit` bytes; `wide` columns may be left out of some."""

    table: CapturedTable
    limit: int
    wide: tuple[CapturedColumn, ...]

    def image(self, row: str) -> str:
        """The expression of the row's image; `row` is NEW or OLD."""
        if not self.wide:
            return json_object(self.table.columns, row)
        # The key's columns are never wide, so that the first column has no comma before it.
        always = [column for column in self.table.columns if column not in self.wide]
        members = [_member(column, row, "{" if not at else ", ") for at, column in enumerate(always)]
        members += [
            f"IF({_kept(at)}, CONCAT({_member(column, row, ', ')}), {mysql_literal('')})"
            for at, column in enumerate(self.wide)
        ]
        return _call("CONCAT", [*members, mysql_literal("}")])

    @property
    def omitted(self) -> str:
        """The expression of the list of columns that are left out; NULL where there are none."""
        if not self.wide:
            return "NULL"
        names = ", ".join(
            f"IF({_kept(at)}, NULL, {mysql_literal(_text(column.name))})" for at, column in enumerate(self.wide)
        )
        every = " AND ".join(_kept(at) for at in range(len(self.wide)))
        return f"IF({every}, NULL, CONCAT({mysql_literal('[')}, CONCAT_WS({mysql_literal(', ')}, {names}), {mysql_literal(']')}))"

    @property
    def declarations(self) -> tuple[str, ...]:
        """The trigger's variables."""
        declared: list[str] = []
        for at in range(len(self.wide)):
            declared += [f"DECLARE {_size(at)} BIGINT UNSIGNED DEFAULT 0", f"DECLARE {_kept(at)} TINYINT DEFAULT 1"]
        return tuple(declared)

    def measure(self, rows: Sequence[str]) -> tuple[str, ...]:
        """Statements that decide which columns the images of `rows` have. They measure exactly where a bound is too long."""
        if not self.wide:
            return ()
        sizes = [_size(at) for at in range(len(self.wide))]
        always = sum(_member_bytes(column) for column in self.table.columns if column not in self.wide)
        always += sum(len(_text(column.name).encode()) + _BETWEEN for column in self.wide)
        whole = f"{always} + {' + '.join(sizes)}"
        bounds = [_most([bytes_bound(column, row) for row in rows]) for column in self.wide]
        exact = [_most([bytes_exactly(column, row, self.limit) for row in rows]) for column in self.wide]
        drops = "\n".join(f"      WHEN {size} THEN SET {size} = 0, {_kept(at)} = 0;" for at, size in enumerate(sizes))
        return (
            _assigned(sizes, bounds),
            f"IF {whole} > {self.limit} THEN\n"
            f"  {_assigned(sizes, exact)};\n"
            f"  WHILE {whole} > {self.limit} AND {_most(sizes)} > 0 DO\n"
            f"    CASE {_most(sizes)}\n{drops}\n    END CASE;\n"
            "  END WHILE;\n"
            "END IF",
        )


def images_of(table: CapturedTable, *, limit: int) -> Images:
    """The images of a table's rows, whose wide columns are known from their types."""
    wide: tuple[CapturedColumn, ...] = ()
    if sum(map(_member_bytes, table.columns)) > limit:
        free = (column for column in table.columns if column.name not in table.key)
        wide = tuple(column for column in free if most_bytes(column) > _NARROW_BYTES)
    return Images(table=table, limit=limit, wide=wide)


def json_object(columns: Sequence[CapturedColumn], row: str) -> str:
    """The expression of a JSON object of these columns' texts."""
    return _call("JSON_OBJECT", [f"{mysql_literal(column.name)}, {text_of(column, row)}" for column in columns])


def json_list(names: Sequence[str]) -> str:
    """The literal of a JSON list of names."""
    return mysql_literal(json.dumps(list(names), ensure_ascii=False))


def _member(column: CapturedColumn, row: str, before: str) -> str:
    """`"name": "text"` of an object, as an expression."""
    name = mysql_literal(f"{before}{_text(column.name)}: ")
    return f"{name}, COALESCE(JSON_QUOTE({text_of(column, row)}), {mysql_literal('null')})"


def _member_bytes(column: CapturedColumn) -> int:
    return len(_text(column.name).encode()) + most_bytes(column) + _BETWEEN


def _call(function: str, arguments: Sequence[str]) -> str:
    listed = ",\n  ".join(arguments)
    return f"{function}(\n  {listed})"


def _most(expressions: Sequence[str]) -> str:
    """GREATEST takes two arguments or more."""
    return f"GREATEST({', '.join(expressions)})" if len(expressions) > 1 else expressions[0]


def _assigned(names: Sequence[str], expressions: Sequence[str]) -> str:
    return "SET " + ", ".join(f"{name} = {value}" for name, value in zip(names, expressions, strict=True))


def _text(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _size(at: int) -> str:
    return f"size_{at}"


def _kept(at: int) -> str:
    return f"kept_{at}"
