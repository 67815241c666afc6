"""The columns of one table at two dates: which are compared, by what value, and what became of the others.

A value is the view's, in the view's type. Where the view's type loses something of it (more digits than a decimal keeps, a date
that is none), the raw value is compared as well, so that two values which differ in the database never pass for equal.

What belongs here: from columns to compared values. The statement is `statement.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.sql.casts import Typed
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.view_columns import ViewColumn

_WHOLE = frozenset({"tinyint", "smallint", "integer", "bigint"})
_LAST_ZEROS = literal(r"\.?0+$")
_NESTED = frozenset({"array", "map", "row"})
# Athena rounds a text's digits to these types' own: times to the millisecond, numbers to about 16 digits.
_ROUNDING = frozenset({"timestamp", "double", "real"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedColumn:
    """A view's column at one date. `raw_type`: Hive's type of the raw column. `declared`: the type in the database's own words."""

    column: ViewColumn
    raw_type: str
    declared: str = ""

    @property
    def value(self) -> Typed:
        """What is compared: the view's value, or the raw text where the view's type keeps fewer digits without a word."""
        if _raw_word(self.raw_type) == "varchar" and base_word(self.column.presto_type) in _ROUNDING:
            return self._raw
        return Typed(expression=self.column.expression, presto_type=self.column.presto_type)

    @property
    def lost_text(self) -> str | None:
        """The raw value as text where the view's value lost something, else NULL; None where it never does."""
        value, raw = self.value, self._raw
        lost = self.column.loss
        if raw.presto_type == "varbinary" and value.presto_type == "varchar":
            # Bytes that are no UTF-8 all become the same character.
            lost = f"to_utf8({value.expression}) IS DISTINCT FROM {raw.expression}"
        if lost is None or value == raw:
            return None
        return f"CASE WHEN {lost} THEN {as_text(raw.expression, raw.presto_type)} END"

    @property
    def _raw(self) -> Typed:
        return Typed(expression=identifier(self.column.name.lower()), presto_type=_raw_word(self.raw_type))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedColumn:
    """`before` and `after` are SQL values of one type; `lost_before` and `lost_after` raw texts, both None or neither."""

    name: str
    kind: str
    before: str
    after: str
    lost_before: str | None = None
    lost_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What two dates have in common, and what not.

    `retyped`: name -> (type before, type after); those of them that cannot be compared are in `not_compared` with the reason.
    """

    compared: tuple[ComparedColumn, ...]
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    retyped: Mapping[str, tuple[str, str]]
    not_compared: Mapping[str, str]


def pair_columns(before: Sequence[DatedColumn], after: Sequence[DatedColumn]) -> Columns:
    """Columns of both dates by their names in the view, in the order of the later date."""
    earlier = {one.column.alias: one for one in before}
    later = {one.column.alias: one for one in after}
    retyped: dict[str, tuple[str, str]] = {}
    not_compared: dict[str, str] = {}
    compared: list[ComparedColumn] = []
    for name in (name for name in later if name in earlier):
        shown = (earlier[name].declared, later[name].declared)
        if shown[0] == shown[1]:
            shown = (earlier[name].column.presto_type, later[name].column.presto_type)
        if shown[0] != shown[1]:
            retyped[name] = shown
        kind = _common_type(earlier[name].value.presto_type, later[name].value.presto_type)
        if kind is None:
            not_compared[name] = f"no value of {shown[0]} can be compared with one of {shown[1]}"
        else:
            compared.append(_compared(name, kind, earlier[name], later[name]))
    return Columns(
        compared=tuple(compared),
        added=tuple(name for name in later if name not in earlier),
        dropped=tuple(name for name in earlier if name not in later),
        retyped=retyped,
        not_compared=not_compared,
    )


def as_text(expression: str, presto_type: str) -> str:
    """The value as text, whole: bytes as hexadecimal digits, arrays, maps and rows as JSON."""
    word = base_word(presto_type)
    if word == "varchar":
        return expression
    if word == "varbinary":
        return f"to_hex({expression})"
    if word in _NESTED:
        return f"json_format(CAST({expression} AS JSON))"
    return f"CAST({expression} AS varchar)"


def base_word(presto_type: str) -> str:
    """`decimal(12,2)` -> `decimal`."""
    return presto_type.split("(", 1)[0].strip().lower()


def _common_type(before: str, after: str) -> str | None:
    """The type in which both are compared: their own, a wider integer, else text; None where there is none."""
    if before == after:
        return after
    words = {base_word(before), base_word(after)}
    if words <= _WHOLE:
        return "bigint"
    return None if "varbinary" in words else "varchar"


def _compared(name: str, kind: str, before: DatedColumn, after: DatedColumn) -> ComparedColumn:
    lost = (before.lost_text, after.lost_text)
    has_lost = lost[0] is not None or lost[1] is not None
    nothing = "CAST(NULL AS varchar)"
    return ComparedColumn(
        name=name,
        kind=kind,
        before=_in_type(before.value, kind),
        after=_in_type(after.value, kind),
        lost_before=(lost[0] or nothing) if has_lost else None,
        lost_after=(lost[1] or nothing) if has_lost else None,
    )


def _in_type(value: Typed, kind: str) -> str:
    if value.presto_type == kind:
        return value.expression
    if kind == "bigint":
        return f"CAST({value.expression} AS bigint)"
    text = as_text(value.expression, value.presto_type)
    if base_word(value.presto_type) == "decimal" and not value.presto_type.replace(" ", "").endswith(",0)"):
        # 1.50 and 1.500 are one number in two types.
        return f"regexp_replace({text}, {_LAST_ZEROS}, '')"
    return text


def _raw_word(hive_type: str) -> str:
    word = hive_type.split("<", 1)[0].split("(", 1)[0].strip().lower()
    return {"string": "varchar", "binary": "varbinary", "struct": "row"}.get(word, word)
