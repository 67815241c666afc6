"""Columns of one table at two dates: the compared columns with their values, and why others are not compared.

A value is the view's, in the view's type. If the view's type loses something of it (digits of a decimal, an invalid date), the
raw value is compared as well, so that two different values of the database never seem equal.

What belongs here: from columns to compared values. The statement is `statement.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
    """A view's column at one date.

    `made_of` returns the view's column over a raw column of any name; `raw_name` is that name in the files, `raw_type`
    its Hive type. `declared`: the type as the database names it. `is_set`: its values are arrays without an order.
    """

    made_of: Callable[[str], ViewColumn]
    raw_name: str
    raw_type: str
    declared: str = ""
    is_set: bool = False

    @property
    def column(self) -> ViewColumn:
        return self.made_of(self.raw_name)

    def value(self, raw_name: str) -> Typed:
        """Returns the compared value: the view's value, or the raw text if the view's type silently keeps fewer digits."""
        column, raw = self.made_of(raw_name), self._raw(raw_name)
        if raw.presto_type == "varchar" and base_word(column.presto_type) in _ROUNDING:
            return raw
        expression = f"array_sort({column.expression})" if self.is_set else column.expression
        return Typed(expression=expression, presto_type=column.presto_type)

    def lost_text(self, raw_name: str) -> str | None:
        """Returns an expression for the raw text of values that the view loses, NULL for others; None if none can be lost."""
        value, raw, lost = self.value(raw_name), self._raw(raw_name), self.made_of(raw_name).loss
        if raw.presto_type == "varbinary" and value.presto_type == "varchar":
            # Bytes that are not UTF-8 all become the same character.
            lost = f"to_utf8({value.expression}) IS DISTINCT FROM {raw.expression}"
        if lost is None or value == raw:
            return None
        return f"CASE WHEN {lost} THEN {as_text(raw.expression, raw.presto_type)} END"

    def _raw(self, raw_name: str) -> Typed:
        return Typed(expression=identifier(raw_name.lower()), presto_type=_raw_word(self.raw_type))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedColumn:
    """A column of both dates, and the SQL type `kind` in which its values are compared.

    `is_exact`: the values of this type lose nothing at either date.
    """

    name: str
    kind: str
    before: DatedColumn
    after: DatedColumn
    is_exact: bool

    @property
    def is_raw_alike(self) -> bool:
        """Whether equal raw values are always equal values."""
        earlier, later = (
            (dated.raw_type, dated.value("raw"), dated.lost_text("raw")) for dated in (self.before, self.after)
        )
        return earlier == later

    def value(self, dated: DatedColumn, raw_name: str | None = None) -> str:
        """Returns the value of one date in the common type."""
        return _in_type(dated.value(raw_name or dated.raw_name), self.kind)

    def lost(self, dated: DatedColumn, raw_name: str | None = None) -> str:
        """Returns an expression for the raw text of a date's value that lost something, NULL for others."""
        return dated.lost_text(raw_name or dated.raw_name) or "CAST(NULL AS varchar)"

    def text(self, dated: DatedColumn, raw_name: str | None = None) -> str:
        """Returns the complete value of one date as text."""
        text = as_text(self.value(dated, raw_name), self.kind)
        return text if self.is_exact else f"COALESCE({self.lost(dated, raw_name)}, {text})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """Columns that only one date has, and types that changed: (before, after). `not_compared`: column -> why."""

    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    not_compared: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        return not (self.added or self.dropped or self.retyped or self.not_compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that two dates share, and the columns that they do not."""

    compared: tuple[ComparedColumn, ...]
    schema: SchemaChange


def pair_columns(before: Sequence[DatedColumn], after: Sequence[DatedColumn]) -> Columns:
    """Returns columns of both dates by their names in the view, in the order of the later date."""
    earlier = {dated.column.alias: dated for dated in before}
    later = {dated.column.alias: dated for dated in after}
    retyped: dict[str, tuple[str, str]] = {}
    not_compared: dict[str, str] = {}
    compared: list[ComparedColumn] = []
    for name in (name for name in later if name in earlier):
        shown = (earlier[name].declared, later[name].declared)
        if shown[0] == shown[1]:
            shown = (earlier[name].column.presto_type, later[name].column.presto_type)
        if shown[0] != shown[1]:
            retyped[name] = shown
        values = (earlier[name].value("raw").presto_type, later[name].value("raw").presto_type)
        kind = _common_type(*values)
        if kind is None:
            not_compared[name] = f"no value of {shown[0]} can be compared with one of {shown[1]}"
        else:
            both = (earlier[name], later[name])
            exact = all(dated.lost_text(dated.raw_name) is None for dated in both)
            compared.append(ComparedColumn(name=name, kind=kind, before=both[0], after=both[1], is_exact=exact))
    schema = SchemaChange(
        added=tuple(name for name in later if name not in earlier),
        dropped=tuple(name for name in earlier if name not in later),
        retyped=retyped,
        not_compared=not_compared,
    )
    return Columns(compared=tuple(compared), schema=schema)


def as_text(expression: str, presto_type: str) -> str:
    """Returns the complete value as text: bytes as hexadecimal digits; arrays, maps and rows as JSON."""
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
    """Returns the type in which both values are compared: their own, a wider integer, or text; None if there is none."""
    if before == after:
        return after
    words = {base_word(before), base_word(after)}
    if words <= _WHOLE:
        return "bigint"
    return None if "varbinary" in words else "varchar"


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
