"""Athena's SQL in DuckDB's: sqlglot's translation, and what it gets wrong put right.

Where the two engines answer differently without an error, a macro answers as Trino does; the list was measured
(shared/reference/local-cloud.md, C). What is known to differ still is in docs/fidelity.md.

What belongs here: the translation of a SELECT. Statements are `statements.py`.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

_DATE = r"\s*[-+]?\d{4,}-\d{1,2}-\d{1,2}\s*"
_TIME = r"( \d{1,2}:\d{1,2}(:\d{1,2}(\.\d+)?)?)?"
_ZONE = r"\s*([-+]\d{1,2}:\d{2}|Z|[A-Za-z][A-Za-z_/]*)"

# typeof() is folded when a query is bound, so one macro serves every argument type. Trino's casts from text are
# strict: no `infinity`, no era, no `T`; DuckDB's are not.
MACROS = (
    """lc_guard(x, pattern) AS (typeof(x) <> 'VARCHAR' OR regexp_full_match(CAST(x AS VARCHAR), pattern))""",
    f"""lc_try_date(x) AS CASE WHEN lc_guard(x, '{_DATE}') THEN TRY_CAST(x AS DATE) END""",
    f"""lc_try_timestamp(x) AS CASE WHEN lc_guard(x, '{_DATE.rstrip(chr(92) + "s*")}{_TIME}\\s*')
        THEN date_trunc('milliseconds', TRY_CAST(x AS TIMESTAMP) + INTERVAL 500 MICROSECOND) END""",
    f"""lc_try_timestamptz(x) AS CASE WHEN lc_guard(x, '{_DATE.rstrip(chr(92) + "s*")}{_TIME}{_ZONE}')
        THEN date_trunc('milliseconds', TRY_CAST(x AS TIMESTAMPTZ) + INTERVAL 500 MICROSECOND) END""",
    """lc_fail(x, kind) AS error('INVALID_CAST_ARGUMENT: Value cannot be cast to ' || kind || ': ' || CAST(x AS VARCHAR))""",
    """lc_date(x) AS CASE WHEN x IS NULL THEN NULL WHEN lc_try_date(x) IS NULL THEN lc_fail(x, 'date')
        ELSE lc_try_date(x) END""",
    """lc_timestamp(x) AS CASE WHEN x IS NULL THEN NULL WHEN lc_try_timestamp(x) IS NULL THEN lc_fail(x, 'timestamp')
        ELSE lc_try_timestamp(x) END""",
    """lc_timestamptz(x) AS CASE WHEN x IS NULL THEN NULL WHEN lc_try_timestamptz(x) IS NULL
        THEN lc_fail(x, 'timestamp with time zone') ELSE lc_try_timestamptz(x) END""",
    """lc_regexp_extract(s, r, g) AS CASE WHEN regexp_matches(s, r) THEN regexp_extract(s, r, g) END""",
    """lc_scalar(j, p) AS CASE WHEN json_type(json_extract(j, p)) IN ('ARRAY', 'OBJECT') THEN NULL
        ELSE json_extract_string(j, p) END""",
    """lc_slice(a, s, n) AS list_slice(a, s, s + n - 1)""",
    """lc_array_distinct(a) AS list_filter(a, lambda e, i: list_position(a, e) = i)""",
    """lc_typeof(x) AS CASE typeof(x) WHEN 'TIMESTAMP' THEN 'timestamp(3)' WHEN 'BLOB' THEN 'varbinary'
        WHEN 'FLOAT' THEN 'real' ELSE lower(typeof(x)) END""",
    """lc_timestamp_text(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.%g')""",
    """every(x) AS bool_and(x)""",
    """json_size(j, p) AS CASE json_type(json_extract(j, p)) WHEN 'ARRAY' THEN json_array_length(json_extract(j, p))
        WHEN 'OBJECT' THEN len(json_keys(json_extract(j, p))) ELSE 0 END""",
    """map_agg(k, v) AS map_from_entries(list({'k': k, 'v': v}))""",
    """at_timezone(t, z) AS (t AT TIME ZONE z)""",
    """url_extract_host(u) AS nullif(regexp_extract(u, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)', 1), '')""",
    """url_extract_path(u) AS regexp_extract(u, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)', 1)""",
)

_CASTS = {"date": "date", "timestamp": "timestamp", "timestampntz": "timestamp", "timestamptz": "timestamptz"}
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M",
    "ss": "%S", "SSS": "%g", "EEEE": "%A", "EEE": "%a", "DDD": "%j", "a": "%p", "Z": "%z", "'T'": "T", "'Z'": "Z",
}  # fmt: skip


def parse(sql: str) -> exp.Expression:
    """Athena's text as a tree; sqlglot's ParseError when it is none."""
    statements = sqlglot.parse(sql, read="athena")
    if len(statements) != 1 or not isinstance(statements[0], exp.Expression):
        raise sqlglot.ParseError("Only one sql statement is allowed")
    return statements[0]


def to_duckdb(tree: exp.Expression) -> str:
    """DuckDB's text of a query; the tree is not changed."""
    tree = tree.copy()
    _name_columns(tree)
    # From the leaves up: a fix moves its children into a new node, and sqlglot's own `transform` does not enter those.
    for node in reversed(list(tree.walk())):
        fixed = _fix(node) if isinstance(node, exp.Expression) else node
        if fixed is not node:
            node.replace(fixed)
    return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)


def _name_columns(tree: exp.Expression) -> None:
    """Columns without a name are `_col0`, `_col1`, … in Athena."""
    select = tree if isinstance(tree, exp.Select) else None
    for number, column in enumerate(list(select.expressions) if select else []):
        if not column.alias and not isinstance(column, exp.Star | exp.Column | exp.Dot):
            column.replace(exp.alias_(column.copy(), f"_col{number}", quoted=True))


def _call(name: str, *arguments: exp.Expression | None) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])


def _fix(node: exp.Expression) -> exp.Expression:
    """One node as DuckDB has to see it."""
    match node:
        case exp.Cast():
            return _fix_cast(node)
        case exp.DateDiff():
            # Trino counts whole units; DuckDB's date_diff counts boundaries.
            unit = exp.Literal.string(node.text("unit").lower() or "day")
            return _call("date_sub", unit, node.expression, node.this)
        case exp.DateAdd() | exp.DateSub() | exp.DateTrunc() | exp.TimestampTrunc() | exp.Add() | exp.Sub() if _is_date(
            node.this
        ):
            # A date stays a date in Trino; DuckDB makes it a timestamp.
            if isinstance(node, exp.Add | exp.Sub) and not isinstance(node.expression, exp.Interval):
                return node
            return exp.Cast(this=node.copy(), to=exp.DataType.build("date"))
        case exp.RegexpExtract():
            return _call(
                "lc_regexp_extract", node.this, node.expression, node.args.get("group") or exp.Literal.number(0)
            )
        case exp.RegexpReplace() if isinstance(node.args.get("replacement"), exp.Literal):
            text = re.sub(r"\$(\d)", r"\\\1", node.args["replacement"].this)
            node.set("replacement", exp.Literal.string(text))
            return node
        case exp.JSONExtractScalar():
            return _call("lc_scalar", node.this, exp.Literal.string(_json_path(node.expression)))
        case exp.ArraySlice():
            return _call("lc_slice", node.this, node.args.get("start"), node.args.get("end"))
        case exp.ArrayDistinct():
            return _call("lc_array_distinct", node.this)
        case exp.Typeof():
            return _call("lc_typeof", node.this)
        case exp.Anonymous():
            return _fix_function(node)
        case _:
            return node


def _fix_cast(node: exp.Cast) -> exp.Expression:
    kind = _CASTS.get(node.to.this.name.lower())
    if kind is not None:
        return _call(f"lc_try_{kind}" if isinstance(node, exp.TryCast) else f"lc_{kind}", node.this)
    inner = node.this
    if node.to.this.name in ("VARCHAR", "TEXT") and isinstance(inner, exp.Anonymous) and "timestamp" in inner.name:
        return _call("lc_timestamp_text", inner)
    return node


def _is_date(node: exp.Expression | None) -> bool:
    """Whether the node is known to be a date: a cast or literal, already rewritten (leaves come first)."""
    return isinstance(node, exp.Anonymous) and node.name in ("lc_date", "lc_try_date")


def _fix_function(node: exp.Anonymous) -> exp.Expression:
    name, arguments = node.name.lower(), node.expressions
    if name == "format_datetime" and arguments[1].is_string:
        return _call("strftime", arguments[0], exp.Literal.string(_joda(arguments[1].this)))
    if name == "any_match":
        matches = _call("list_transform", arguments[0], arguments[1])
        return _call("coalesce", _call("list_bool_or", matches), exp.false())
    return node


def _json_path(path: exp.Expression) -> str:
    return path.this if isinstance(path, exp.Literal) else path.sql("athena").strip("'")


def _joda(pattern: str) -> str:
    """A Joda date pattern as strftime's; the longest piece wins at every place."""
    pieces = sorted(_JODA, key=len, reverse=True)
    return re.sub("|".join(re.escape(piece) for piece in pieces), lambda match: _JODA[match[0]], pattern)
