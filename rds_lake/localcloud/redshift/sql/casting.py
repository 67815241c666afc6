"""Casts of text, as strict as Redshift's: DuckDB macros that fail, and others that return NULL instead (TRY_CAST).

(https://docs.aws.amazon.com/redshift/latest/dg/r_CAST_function.html, https://docs.aws.amazon.com/redshift/latest/dg/r_TRY_CAST.html)
"""

from __future__ import annotations

# Begins the text of every error that a macro raises.
RAISED = "redshift: "
_ISO = r"\s*\d{4}-\d{1,2}-\d{1,2}\s*"
_TIME = r"\s*([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?\s*"
_ZONE = r"\s*([-+]\d{1,2}(:?\d{2})?|Z|UTC|[A-Za-z]+/[A-Za-z_]+)\s*"
_INTEGER = r"\s*[-+]?\d+\s*"
_NUMBER = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"
_FLOAT = rf"{_NUMBER}|\s*[-+]?(NaN|Infinity)\s*"
# Forms of a day beside ISO's: pattern, the text to parse, strptime's form.
_NAMED = (
    (r"\s*\d{8}\s*", "trim(x)", "%Y%m%d"),
    (r"\s*\d{1,2}/\d{1,2}/\d{4}\s*", "trim(x)", "%m/%d/%Y"),
    (r"\s*[A-Za-z]{3} \d{1,2}, ?\d{4}\s*", "replace(trim(x), ', ', ',')", "%b %d,%Y"),
)
_SPLIT = "regexp_extract(x, '^(.*\\d)[ T]+(\\d+:.*)$', {})"


def casts(*, trying: bool = False) -> tuple[str, ...]:
    """Returns the macros `lc_<type>(x)`, or `lc_try_<type>(x)` for TRY_CAST. Long: a macro a type, and nothing else."""
    to, parse = ("TRY_CAST", "try_strptime") if trying else ("CAST", "strptime")
    name = "lc_try_" if trying else "lc_"

    def fail(kind: str) -> str:
        words = f"'{RAISED}invalid input syntax for {kind}: \"' || CAST(x AS VARCHAR) || '\"'"
        return "NULL" if trying else f"error({words})"

    def plain(word: str, kind: str, pattern: str, shown: str) -> str:
        return f"""{name}{word}(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '{pattern}') THEN {to}(x AS {kind})
            ELSE {fail(shown)} END"""

    def named(pattern: str, text: str, form: str) -> str:
        return f"WHEN regexp_full_match(x, '{pattern}') THEN CAST({parse}({text}, '{form}') AS DATE)"

    stamp = fail("type timestamp")
    return (
        *(plain(word, word, _INTEGER, "integer") for word in ("smallint", "integer", "bigint")),
        plain("double", "DOUBLE", _FLOAT, "type double precision"),
        f"""{name}numeric(x) AS CASE WHEN x IS NULL OR regexp_full_match(x, '{_NUMBER}') THEN trim(x)
            ELSE {fail("type numeric")} END""",
        f"""{name}boolean(x) AS CASE WHEN x IS NULL THEN NULL WHEN lower(trim(x)) IN ('t', 'true', 'y', 'yes', '1') THEN true
            WHEN lower(trim(x)) IN ('f', 'false', 'n', 'no', '0') THEN false ELSE {fail("type boolean")} END""",
        rf"""{name}day(x) AS CASE WHEN x IS NULL THEN NULL
            WHEN regexp_full_match(x, '{_ISO}') THEN {to}(trim(x) AS DATE)
            {' '.join(named(*each) for each in _NAMED)} END""",
        f"""{name}date(x) AS CASE WHEN x IS NULL THEN NULL WHEN {name}day(x) IS NOT NULL THEN {name}day(x)
            WHEN regexp_full_match(x, '.*\\d[ T]+{_TIME}') THEN CAST({name}timestamp_of(x) AS DATE)
            ELSE {fail("type date")} END""",
        f"""{name}timestamp_of(x) AS CASE WHEN x IS NULL THEN NULL
            WHEN regexp_full_match(x, '.*\\d[ T]+{_TIME}') THEN CAST(coalesce({name}day({_SPLIT.format(1)}), {stamp}) AS TIMESTAMP)
            + {to}({_SPLIT.format(2)} AS INTERVAL) ELSE CAST(coalesce({name}day(x), {stamp}) AS TIMESTAMP) END""",
        f"""{name}timestamptz(x) AS CASE WHEN x IS NULL THEN NULL
            WHEN regexp_full_match(x, '{_ISO}{_TIME}{_ZONE}') THEN {to}(trim(x) AS TIMESTAMPTZ)
            ELSE CAST({name}timestamp_of(x) AS TIMESTAMPTZ) END""",
    )  # fmt: skip
