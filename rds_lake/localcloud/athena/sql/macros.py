"""Trino's functions that DuckDB does not have, or that return other results in DuckDB without an error.

DuckDB evaluates `typeof()` when it binds a query, so one macro works for every argument type. Trino's casts from text are strict
(no `infinity`, no era, no `T`, no `1.5` for an integer) and DuckDB's are not, so each cast first checks a pattern.

What belongs here: macros by name. Functions whose translation depends on an argument's type are in `functions.py`.
"""

from __future__ import annotations

_DATE = r"\s*[-+]?\d{4,}-\d{1,2}-\d{1,2}"
_TIME = r"( \d{1,2}:\d{1,2}(:\d{1,2}(\.\d+)?)?)?"
_ZONE = r"\s*([-+]\d{1,2}:\d{2}|Z|[A-Za-z][A-Za-z_/]*)"
_NUMBER = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"
_ROUND = "INTERVAL 500 MICROSECOND"
_URL = "^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?"

# Bytes of UTF-8 as hexadecimal digits: a whole character, or invalid bytes that become one U+FFFD, as many as Unicode recommends
# (https://www.unicode.org/versions/latest/core-spec/chapter-3/, U+FFFD Substitution of Maximal Subparts).
_MORE = "[89AB][0-9A-F]"
_CHARACTER = (
    f"[0-7][0-9A-F]|(?:C[2-9A-F]|D[0-9A-F]){_MORE}|E0[AB][0-9A-F]{_MORE}|E[1-9A-CEF](?:{_MORE}){{2}}|ED[89][0-9A-F]{_MORE}"
    f"|F0[9AB][0-9A-F](?:{_MORE}){{2}}|F[1-3](?:{_MORE}){{3}}|F48[0-9A-F](?:{_MORE}){{2}}"
)
_CUT = (
    f"E0[AB][0-9A-F]|E[1-9A-CEF]{_MORE}|ED[89][0-9A-F]|F0[9AB][0-9A-F](?:{_MORE})?|F[1-3](?:{_MORE}){{1,2}}|F48[0-9A-F](?:{_MORE})?"
    "|[0-9A-F]{2}"
)

# The texts that Trino accepts for a type. Each of these types has two casts, lc_<type> and lc_try_<type>.
PATTERNS = {
    "date": rf"{_DATE}\s*",
    "timestamp": rf"{_DATE}{_TIME}\s*",
    "timestamptz": rf"{_DATE}{_TIME}{_ZONE}",
    "tinyint": r"[-+]?\d+",
    "smallint": r"[-+]?\d+",
    "integer": r"[-+]?\d+",
    "bigint": r"[-+]?\d+",
    "boolean": "(?i)t|true|1|f|false|0",
    "real": rf"\s*[-+]?(NaN|Infinity)\s*|{_NUMBER}",
    "double": rf"\s*[-+]?(NaN|Infinity)\s*|{_NUMBER}",
}
_SHOWN = {"timestamptz": "timestamp with time zone", "integer": "int"}


def _strict(kind: str) -> tuple[str, str]:
    """Returns the two macros of a type: for a text that is not valid, one returns NULL and one fails."""
    cast = f"CAST(x AS {kind})"
    if kind.startswith("timestamp"):
        cast = f"date_trunc('milliseconds', {cast} + {_ROUND})"
    takes = f"typeof(x) <> 'VARCHAR' OR regexp_full_match(CAST(x AS VARCHAR), '{PATTERNS[kind]}')"
    attempt = f"lc_try_{kind}(x) AS CASE WHEN {takes} THEN {cast.replace('CAST(', 'TRY_CAST(', 1)} END"
    insist = f"""lc_{kind}(x) AS CASE WHEN x IS NULL THEN NULL WHEN {takes} THEN {cast}
        ELSE lc_fail(x, '{_SHOWN.get(kind, kind)}') END"""
    return attempt, insist


_FAIL = """lc_fail(x, kind) AS error('INVALID_CAST_ARGUMENT: '
    || CASE WHEN kind IN ('date', 'timestamp', 'timestamp with time zone')
    THEN 'Value cannot be cast to ' || kind || ': ' || CAST(x AS VARCHAR)
    ELSE 'Cannot cast ''' || CAST(x AS VARCHAR) || ''' to ' || upper(kind) END)"""

MACROS: tuple[str, ...] = (
    _FAIL,
    *(macro for kind in PATTERNS for macro in _strict(kind)),
    f"""lc_decimal_text(x) AS CASE WHEN regexp_full_match(x, '{_NUMBER}') THEN x END""",
    f"""lc_decimal_strict(x) AS CASE WHEN x IS NULL OR regexp_full_match(x, '{_NUMBER}') THEN x
        ELSE lc_fail(x, 'decimal') END""",
    """lc_divide_double(a, b) AS CASE WHEN b <> 0 THEN a / CASE WHEN b = 0 THEN NULL ELSE b END WHEN b IS NULL THEN NULL
        WHEN a = 0 OR isnan(a) THEN CAST('NaN' AS DOUBLE)
        WHEN a > 0 THEN CAST('Infinity' AS DOUBLE) ELSE CAST('-Infinity' AS DOUBLE) END""",
    f"""lc_from_utf8(b, r) AS CASE WHEN try(decode(b)) IS NOT NULL THEN try(decode(b)) ELSE decode(unhex(array_to_string(
        list_transform(regexp_extract_all(hex(b), '{_CHARACTER}|{_CUT}'), lambda e:
        CASE WHEN regexp_full_match(e, '{_CHARACTER}') THEN e ELSE hex(encode(r)) END), ''))) END""",
    """lc_regexp_extract(s, r, g) AS CASE WHEN regexp_matches(s, r) THEN regexp_extract(s, r, g) END""",
    """lc_split_part(s, d, n) AS CASE WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END""",
    """lc_scalar(j, p) AS CASE WHEN json_type(json_extract(j, p)) IN ('ARRAY', 'OBJECT') THEN NULL
        ELSE json_extract_string(j, p) END""",
    """lc_subscript(a, i) AS CASE WHEN i > len(a)
        THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: '
        || i || ' > ' || len(a)) WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
        ELSE a[i] END""",
    """lc_slice(a, s, n) AS list_slice(a, s, s + n - 1)""",
    """lc_array_distinct(a) AS list_filter(a, lambda e, i: list_position(a, e) = i)""",
    """lc_typeof(x) AS CASE typeof(x) WHEN 'TIMESTAMP' THEN 'timestamp(3)' WHEN 'BLOB' THEN 'varbinary'
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp(3) with time zone' WHEN 'HUGEINT' THEN 'bigint'
        WHEN 'FLOAT' THEN 'real' ELSE lower(typeof(x)) END""",
    f"""lc_milliseconds(t) AS date_trunc('milliseconds', t + {_ROUND})""",
    """lc_timestamp_text(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.%g')""",
    """lc_timestamptz_text(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.%g') || ' UTC'""",
    """lc_json_size(j, p) AS CASE json_type(json_extract(j, p)) WHEN 'ARRAY' THEN json_array_length(json_extract(j, p))
        WHEN 'OBJECT' THEN len(json_keys(json_extract(j, p))) ELSE 0 END""",
    """lc_any(l) AS CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, true) THEN true
        WHEN len(list_filter(l, lambda e: e IS NULL)) > 0 THEN NULL ELSE false END""",
    """arrays_overlap(a, b) AS list_has_any(a, b)""",
    """array_union(a, b) AS lc_array_distinct(list_concat(a, b))""",
    """json_array_contains(j, v) AS
        len(list_filter(CAST(CAST(j AS JSON) AS JSON[]), lambda e: e = to_json(v))) > 0""",
    """every(x) AS bool_and(x)""",
    """json_size(j, p) AS lc_json_size(j, p)""",
    """map_agg(k, v) AS map_from_entries(list({'k': k, 'v': v}))""",
    # A timestamp without a zone is in the session's zone, UTC.
    """at_timezone(t, z) AS (CAST(t AS TIMESTAMPTZ) AT TIME ZONE z)""",
    """with_timezone(t, z) AS (CAST(t AS TIMESTAMP) AT TIME ZONE z)""",
    f"""url_extract_protocol(u) AS CASE WHEN regexp_matches(u, '{_URL}') THEN split_part(u, ':', 1) END""",
    f"""url_extract_host(u) AS nullif(regexp_extract(u, '{_URL}([^/:?#]+)', 1), '')""",
    f"""url_extract_port(u) AS TRY_CAST(nullif(regexp_extract(u, '{_URL}[^/:?#]+:(\\d+)', 1), '') AS BIGINT)""",
    f"""url_extract_path(u) AS regexp_extract(u, '{_URL}[^/?#]*([^?#]*)', 1)""",
    """url_extract_query(u) AS nullif(regexp_extract(u, '\\?([^#]*)', 1), '')""",
    """url_extract_fragment(u) AS nullif(regexp_extract(u, '#(.*)$', 1), '')""",
    """url_extract_parameter(u, p) AS CASE WHEN regexp_matches(u, '[?&]' || p || '(=|&|#|$)')
        THEN regexp_extract(u, '[?&]' || p || '=([^&#]*)', 1) END""",
)
