"""Translates one expression of Trino for DuckDB.

Called from the leaves up, with types set (`annotate.py`): a replaced node is not visited again.

What belongs here: one function for each kind of difference. Clauses (columns' names, UNNEST) are `dialect.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from rds_lake.localcloud.athena.sql.annotate import decimal_of, number_of, word
from rds_lake.localcloud.athena.sql.macros import PATTERNS

_CASTS = {
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPNTZ": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "INT": "integer",
    "FLOAT": "real",
} | {kind.upper(): kind for kind in PATTERNS}
_INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
# Types that need a guarded cast: text, and unknown types.
_BINARY = ("VARBINARY", "BINARY", "BLOB")
_TEXT = ("", "VARCHAR", "TEXT", "CHAR", "NULL")
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d", "d": "%-d", "HH": "%H", "hh": "%I",
    "mm": "%M", "ss": "%S", "SSS": "%g", "EEEE": "%A", "EEE": "%a", "DDD": "%j", "a": "%p", "ZZ": "%z", "Z": "%z",
    "''": "'",
}  # fmt: skip
_TOKEN = re.compile(r"'(?:[^']+)'|" + "|".join(sorted(_JODA, key=len, reverse=True)))


def call(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    """Returns a call of a DuckDB function or macro."""
    return exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])


def fix(node: exp.Expr) -> exp.Expr:
    """Returns the node, or its replacement."""
    for kind, change in _BY_KIND:
        if isinstance(node, kind):
            fixed = change(node)
            if fixed is not node and fixed.type is None:
                fixed.type = node.type
            return fixed
    return node


def _cast(node: exp.Cast) -> exp.Expr:
    target, inner = node.to.this.name, node.this
    attempt = "lc_try_" if isinstance(node, exp.TryCast) else "lc_"
    if target in _CASTS and word(inner) in _TEXT:
        return call(f"{attempt}{_CASTS[target]}", inner)
    if word(inner) in ("DOUBLE", "FLOAT") and target in _INTEGERS:
        # Trino rounds a half away from zero, DuckDB to the even neighbour.
        node.set("this", call("round", inner))
    if target == "DECIMAL" and not node.to.expressions:
        node.set("to", exp.DataType.build("decimal(38,0)"))
    if target == "DECIMAL" and word(inner) in ("VARCHAR", "TEXT"):
        node.set(
            "this", call("lc_decimal_text" if attempt == "lc_try_" else "lc_decimal_strict", exp.cast(inner, "text"))
        )
        return node
    return _text(node) if target in ("VARCHAR", "TEXT", "CHAR") else node


def _text(node: exp.Cast) -> exp.Expr:
    """Returns a cast to text, as in Trino: timestamps with milliseconds, varchar(n) cut at n."""
    inner, sizes = node.this, node.to.expressions
    shown = {"TIMESTAMP": "lc_timestamp_text", "TIMESTAMPTZ": "lc_timestamptz_text"}.get(word(inner))
    if shown is None and isinstance(inner, exp.Anonymous) and inner.name in ("lc_timestamp", "lc_try_timestamp"):
        shown = "lc_timestamp_text"
    text = call(shown, inner) if shown else exp.Cast(this=inner, to=exp.DataType.build("text"))
    if not sizes:
        return text
    size = exp.Literal.number(sizes[0].name)
    cut = call("substr", text, exp.Literal.number(1), size)
    return call("rpad", cut, size.copy(), exp.Literal.string(" ")) if node.to.this.name == "CHAR" else cut


def _date_diff(node: exp.DateDiff) -> exp.Expr:
    # Trino counts whole units; DuckDB's date_diff counts boundaries.
    unit = exp.Literal.string(node.text("unit").lower() or "day")
    return call("date_sub", unit, node.expression, node.this)


def _stay_date(node: exp.Expr) -> exp.Expr:
    """Cast the result back to a date: adding to or truncating a date returns a date in Trino, a timestamp in DuckDB."""
    if word(node.this) != "DATE":
        return node
    if isinstance(node, exp.Add | exp.Sub) and not isinstance(node.expression, exp.Interval):
        return node
    kept = exp.Cast(this=node.copy(), to=exp.DataType.build("date"))
    kept.type = exp.DataType.build("date")
    return kept


def _sequence(node: exp.GenerateSeries) -> exp.Expr:
    if word(node.args.get("start")) != "DATE":
        return node
    if node.args.get("step") is None:
        day = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
        node.set("step", day)
    return exp.Cast(this=node.copy(), to=exp.DataType.build("date[]", dialect="duckdb"))


def _divide(node: exp.Div) -> exp.Expr:
    left, right = node.this, node.expression
    if "DOUBLE" in (word(left), word(right)) and decimal_of(left) is None and decimal_of(right) is None:
        return call("lc_divide_double", left, right)
    if word(left) in _INTEGERS and word(right) in _INTEGERS:
        return exp.IntDiv(this=left, expression=right)  # sqlglot's translation always returns a bigint
    first, second = number_of(left), number_of(right)
    if first is None or second is None or (decimal_of(left) is None and decimal_of(right) is None):
        return node
    # https://trino.io/docs/current/functions/decimal.html: precision and scale of a quotient
    scale = max(first[1], second[1])
    precision = min(38, first[0] + second[1] + max(0, second[1] - first[1]))
    return exp.Cast(this=exp.Paren(this=node.copy()), to=exp.DataType.build(f"decimal({precision},{scale})"))


def _average(node: exp.Avg) -> exp.Expr:
    size = decimal_of(node.this)
    return node if size is None else _sized(node, *size)


def _round(node: exp.Round) -> exp.Expr:
    size = decimal_of(node.this)
    if size is None or node.args.get("decimals") is None:
        return node
    return _sized(node, min(38, size[0] + 1), size[1])


def _sized(node: exp.Expr, precision: int, scale: int) -> exp.Expr:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(f"decimal({precision},{scale})"))


def _regexp_extract(node: exp.RegexpExtract) -> exp.Expr:
    group = node.args.get("group") or exp.Literal.number(0)
    return call("lc_regexp_extract", node.this, node.expression, group)


def _regexp_replace(node: exp.RegexpReplace) -> exp.Expr:
    replacement = node.args.get("replacement")
    if isinstance(replacement, exp.Literal):
        node.set("replacement", exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", replacement.this)))
    return node


def _bracket(node: exp.Bracket) -> exp.Expr:
    """Returns `a[5]` with Trino's error beyond the end of the array (element_at returns NULL instead)."""
    (index,) = node.expressions if len(node.expressions) == 1 else (None,)
    known = isinstance(index, exp.Literal) and not index.is_string
    if node.args.get("safe") or word(node.this) != "ARRAY" or not known or index is None:
        return node
    return call("lc_subscript", node.this, exp.Literal.number(int(index.this) + 1))


def _function(node: exp.Anonymous) -> exp.Expr:
    name, arguments = node.name.lower(), node.expressions
    if name == "format_datetime" and arguments[1].is_string:
        return call("strftime", arguments[0], exp.Literal.string(_joda(arguments[1].this)))
    if name in ("any_match", "all_match", "none_match"):
        return _matches(name, arguments[0], arguments[1])
    if name == "zip_with" and isinstance(arguments[2], exp.Lambda):
        return _zip_with(arguments[0], arguments[1], arguments[2])
    if name in ("map_filter", "transform_values", "transform_keys") and isinstance(arguments[1], exp.Lambda):
        return _over_entries(name, arguments[0], arguments[1])
    return node


def _matches(name: str, array: exp.Expr, test: exp.Expr) -> exp.Expr:
    """Returns any_match, all_match or none_match in three-valued logic: NULL if the result depends on a NULL element."""
    if name == "all_match" and isinstance(test, exp.Lambda):
        test = exp.Lambda(this=exp.Not(this=exp.Paren(this=test.this)), expressions=test.expressions)
    any_matches = call("lc_any", call("list_transform", array, test))
    return any_matches if name == "any_match" else exp.Not(this=any_matches)


def _typeof(node: exp.Typeof) -> exp.Expr:
    known = node.this.type if word(node.this) in ("ARRAY", "MAP", "STRUCT") else None
    return call("lc_typeof", node.this) if known is None else exp.Literal.string(_type_words(known))


def _type_words(kind: exp.Expr) -> str:
    """Returns a type as Trino shows it."""
    parts = kind.expressions
    if isinstance(kind, exp.DataType) and kind.this == exp.DataType.Type.STRUCT:
        fields = [f"{part.name} {_type_words(part.args['kind'])}" for part in parts]
        return f"row({', '.join(fields)})"
    if isinstance(kind, exp.DataType) and kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.MAP):
        return f"{kind.this.name.lower()}({', '.join(map(_type_words, parts))})"
    return kind.sql("trino").lower().replace(", ", ",")


def _parse_datetime(node: exp.ParseDatetime) -> exp.Expr:
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        return node
    parsed = call("strptime", node.this, exp.Literal.string(_joda(pattern.this)))
    return exp.Cast(this=parsed, to=exp.DataType.build("timestamptz"))


def _zip_with(left: exp.Expr, right: exp.Expr, function: exp.Lambda) -> exp.Expr:
    """Returns zip_with over the indices of the longer array; as in Trino, the shorter one is NULL beyond its end."""
    longest = call("greatest", call("len", left.copy()), call("len", right.copy()))
    index = exp.to_identifier("lc_i")
    arrays = dict(zip(_parameters(function), (left, right), strict=True))
    body = _substitute(function, lambda name: call("list_extract", arrays[name].copy(), index.copy()))
    indices = call("generate_series", exp.Literal.number(1), longest)
    return call("list_transform", indices, exp.Lambda(this=body, expressions=[index]))


def _over_entries(name: str, source: exp.Expr, function: exp.Lambda) -> exp.Expr:
    entry = exp.to_identifier("lc_e")
    fields = dict(zip(_parameters(function), ("key", "value"), strict=True))

    def field(part: str) -> exp.Expr:
        return call("struct_extract", entry.copy(), exp.Literal.string(part))

    body = _substitute(function, lambda parameter: field(fields[parameter]))
    entries = call("map_entries", source)
    if name == "map_filter":
        return call("map_from_entries", call("list_filter", entries, exp.Lambda(this=body, expressions=[entry])))
    key, value = (body, field("value")) if name == "transform_keys" else (field("key"), body)
    pair = exp.Lambda(this=call("struct_pack", _named("k", key), _named("v", value)), expressions=[entry])
    return call("map_from_entries", call("list_transform", entries, pair))


def _named(name: str, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=value)


def _parameters(function: exp.Lambda) -> list[str]:
    return [parameter.name for parameter in function.expressions]


def _substitute(function: exp.Lambda, replacement: Callable[[str], exp.Expr]) -> exp.Expr:
    names = set(_parameters(function))

    def replace(node: exp.Expr) -> exp.Expr:
        bare = isinstance(node, exp.Column) and not node.table
        loose = isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column | exp.Dot)
        return replacement(node.name) if (bare or loose) and node.name in names else node

    return function.this.copy().transform(replace)


def _json_path(path: exp.Expr) -> str:
    return path.this if isinstance(path, exp.Literal) else path.sql("athena").strip("'")


def _joda(pattern: str) -> str:
    """Returns a Joda date pattern in strftime's form. At each place the longest element is taken; quoted text is kept."""
    return _TOKEN.sub(lambda match: _JODA.get(match[0]) or match[0].strip("'"), pattern)


_BY_KIND: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[..., exp.Expr]], ...] = (
    (exp.Cast, _cast),
    (exp.DateDiff, _date_diff),
    ((exp.DateAdd, exp.DateSub, exp.DateTrunc, exp.TimestampTrunc, exp.Add, exp.Sub), _stay_date),
    (exp.GenerateSeries, _sequence),
    (exp.Div, _divide),
    (exp.Avg, _average),
    (exp.Round, _round),
    (exp.RegexpExtract, _regexp_extract),
    (exp.RegexpReplace, _regexp_replace),
    (exp.Bracket, _bracket),
    (exp.ParseDatetime, _parse_datetime),
    (
        exp.Decode,
        lambda node: call("lc_from_utf8", node.this, node.args.get("replace") or exp.Literal.string("\ufffd")),
    ),
    (exp.Date, lambda node: call("lc_date", node.this)),
    (exp.SplitPart, lambda node: call("lc_split_part", node.this, node.args["delimiter"], node.args["part_index"])),
    (exp.JSONExtractScalar, lambda node: call("lc_scalar", node.this, exp.Literal.string(_json_path(node.expression)))),
    (exp.ArraySlice, lambda node: call("lc_slice", node.this, node.args.get("start"), node.args.get("end"))),
    (exp.ArrayDistinct, lambda node: call("lc_array_distinct", node.this)),
    (exp.AtTimeZone, lambda node: call("at_timezone", node.this, node.args["zone"])),
    (exp.ArraySize, lambda node: call("cardinality", node.this) if word(node.this) == "MAP" else node),
    (exp.Typeof, _typeof),
    (exp.Length, lambda node: call("octet_length", node.this) if word(node.this) in _BINARY else node),
    (exp.Anonymous, _function),
)
