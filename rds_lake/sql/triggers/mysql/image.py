"""A row's image in a trigger of MySQL and MariaDB, without its longest columns if it would be too long.

If a table's rows may not fit, the trigger checks for each change whether an upper limit of the wide columns' lengths fits. If
not, it measures each column, and leaves the longest out of both images until the rest fits; `omitted` names them. So no image
exceeds a server's maximum packet or a tenth of its redo log, with which the writer's statement would fail.

Servers prepare every function of an expression again for each row, which takes longer than executing it, so expressions have
as few functions as possible (`python -m bench.capture_cost --engine mariadb`).

What belongs here: images as expressions, and the statements that measure. The triggers are `body.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.sql.quoting import mysql_literal
from rds_lake.sql.triggers.mysql.values import (
    bytes_exactly,
    bytes_together,
    is_plain,
    json_of,
    most_bytes,
    plain_of,
    text_of,
)

# Narrower columns are never left out.
_NARROW_BYTES = 1024
_EMPTY, _NULL = mysql_literal(': ""'), mysql_literal(": null")
_BETWEEN = 4  # the colon, the comma and their spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of one table's rows, each at most `limit` bytes; columns in `wide` may be left out."""

    table: CapturedTable
    limit: int
    wide: tuple[CapturedColumn, ...]

    def whole(self, row: str) -> str:
        """Returns the expression of the row's image with all columns; `row` is NEW or OLD."""
        return _object((*self._narrow, *self.wide), row)

    def fits(self, rows: Sequence[str]) -> str:
        """Returns the condition that the images of `rows` can have all columns, by lengths only; empty if rows always fit.

        The lengths of both rows are added, which needs fewer functions than the maximum per column. Above the server's
        packet size the sum is NULL, so the condition is not true.
        """
        if not self.wide:
            return ""
        return (
            f"{self._always_bytes} + {' + '.join(bytes_together(column, rows) for column in self.wide)} <= {self.limit}"
        )

    def fitted(self, rows: Mapping[str, str]) -> tuple[str, ...]:
        """Returns statements that set each variable (name -> row) to the row's image without its longest columns, and `omitted`."""
        sizes = [_size(at) for at in range(len(self.wide))]
        whole = f"{self._always_bytes} + {' + '.join(sizes)}"
        exact = [_most([bytes_exactly(column, row, self.limit) for row in rows.values()]) for column in self.wide]
        drops = "\n".join(f"    WHEN {size} THEN SET {size} = 0, {_kept(at)} = 0;" for at, size in enumerate(sizes))
        images = [f"{variable} = {self._partial(row)}" for variable, row in rows.items()]
        return (
            _assigned(sizes, exact),
            f"WHILE {whole} > {self.limit} AND {_most(sizes)} > 0 DO\n  CASE {_most(sizes)}\n{drops}\n  END CASE;\nEND WHILE",
            "SET " + ",\n  ".join([*images, f"omitted = {self._omitted}"]),
        )

    @property
    def declarations(self) -> tuple[str, ...]:
        """Returns the declarations of the variables of `fitted`."""
        declared: list[str] = []
        for at in range(len(self.wide)):
            declared += [f"DECLARE {_size(at)} BIGINT UNSIGNED DEFAULT 0", f"DECLARE {_kept(at)} TINYINT DEFAULT 1"]
        return tuple(declared)

    @property
    def _narrow(self) -> tuple[CapturedColumn, ...]:
        # The key's columns are never wide, so there is one.
        return tuple(column for column in self.table.columns if column not in self.wide)

    @property
    def _always_bytes(self) -> int:
        """The bytes of an image without the texts of wide columns."""
        always = sum(map(_member_bytes, self._narrow))
        return always + sum(len(_text(column.name).encode()) + _BETWEEN for column in self.wide)

    def _partial(self, row: str) -> str:
        members = [
            *_members(self._narrow, row),
            *(
                f"IF({_kept(at)}, CONCAT({_member(column, row, ', ')}), {mysql_literal('')})"
                for at, column in enumerate(self.wide)
            ),
        ]
        return _call("CONCAT", [*members, mysql_literal("}")])

    @property
    def _omitted(self) -> str:
        """Returns the expression of the list of omitted columns; NULL if there are none."""
        names = ", ".join(
            f"IF({_kept(at)}, NULL, {mysql_literal(_text(column.name))})" for at, column in enumerate(self.wide)
        )
        every = " AND ".join(_kept(at) for at in range(len(self.wide)))
        return f"IF({every}, NULL, CONCAT({mysql_literal('[')}, CONCAT_WS({mysql_literal(', ')}, {names}), {mysql_literal(']')}))"


def images_of(table: CapturedTable, *, limit: int) -> Images:
    """Returns the images of a table's rows; wide columns are known from their types."""
    wide: tuple[CapturedColumn, ...] = ()
    if sum(map(_member_bytes, table.columns)) > limit:
        free = (column for column in table.columns if column.name not in table.key)
        wide = tuple(column for column in free if most_bytes(column) > _NARROW_BYTES)
    return Images(table=table, limit=limit, wide=wide)


def json_object(columns: Sequence[CapturedColumn], row: str) -> str:
    """Returns the expression of a JSON object with these columns' texts."""
    return _call("JSON_OBJECT", [f"{mysql_literal(column.name)}, {text_of(column, row)}" for column in columns])


def json_list(names: Sequence[str]) -> str:
    """Returns the literal of a JSON list of names."""
    return mysql_literal(json.dumps(list(names), ensure_ascii=False))


def _object(columns: Sequence[CapturedColumn], row: str) -> str:
    """Returns an image of all these columns with as few functions as possible.

    `""` after a colon and a space becomes `null`, as in `_members`; so there is no space before values that may be an
    empty text.
    """
    plain, rest = _by_kind(columns)
    if not plain:
        return _call("CONCAT", [*_members(columns, row), mysql_literal("}")])
    parts, before = _plain_parts(plain, row), '", '
    for column in rest:
        parts.append(f"{mysql_literal(f'{before}{_text(column.name)}:')}, {json_of(column, row)}")
        before = ", "
    end = "}" if rest else '"}'
    return _nulled([*parts, mysql_literal(end)])


def _members(columns: Sequence[CapturedColumn], row: str) -> list[str]:
    """Returns all members of an object, with its opening brace, as expressions.

    A value whose text is never empty is written between its quotes unchanged: CONCAT_WS leaves out NULL, and `""` then
    becomes `null`. In the JSON of other values no quote follows a quote after a colon, neither in names nor in numbers
    and times.
    """
    plain, rest = _by_kind(columns)
    made = [_nulled([*_plain_parts(plain, row), mysql_literal('"')])] if plain else []
    return made + [_member(column, row, ", " if made or at else "{") for at, column in enumerate(rest)]


def _by_kind(columns: Sequence[CapturedColumn]) -> tuple[list[CapturedColumn], list[CapturedColumn]]:
    """Returns the plain columns, and the others."""
    return [each for each in columns if is_plain(each)], [each for each in columns if not is_plain(each)]


def _plain_parts(columns: Sequence[CapturedColumn], row: str) -> list[str]:
    """Returns `"name": "text` of each, with the opening brace first, and the quote that ends the previous one."""
    names = [("{" if not at else '", ') + f'{_text(column.name)}: "' for at, column in enumerate(columns)]
    return [f"{mysql_literal(name)}, {plain_of(column, row)}" for name, column in zip(names, columns, strict=True)]


def _nulled(parts: Sequence[str]) -> str:
    return f"REPLACE({_call('CONCAT_WS', [mysql_literal(''), *parts])}, {_EMPTY}, {_NULL})"


def _member(column: CapturedColumn, row: str, before: str) -> str:
    """Returns `"name": "text"` of an object, as an expression."""
    name = mysql_literal(f"{before}{_text(column.name)}: ")
    return f"{name}, {json_of(column, row)}"


def _member_bytes(column: CapturedColumn) -> int:
    return len(_text(column.name).encode()) + most_bytes(column) + _BETWEEN


def _call(function: str, arguments: Sequence[str]) -> str:
    listed = ",\n  ".join(arguments)
    return f"{function}(\n  {listed})"


def _most(expressions: Sequence[str]) -> str:
    """Returns the maximum; GREATEST needs at least two arguments."""
    return f"GREATEST({', '.join(expressions)})" if len(expressions) > 1 else expressions[0]


def _assigned(names: Sequence[str], expressions: Sequence[str]) -> str:
    return "SET " + ", ".join(f"{name} = {value}" for name, value in zip(names, expressions, strict=True))


def _text(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _size(at: int) -> str:
    return f"size_{at}"


def _kept(at: int) -> str:
    return f"kept_{at}"
