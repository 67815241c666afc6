"""A PostgreSQL row as an image: a JSON object of the texts that RDS's export has for its columns.

What belongs here: expressions over one row, and the settings that make them independent of the writer's session.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rds_lake.model.streams.captured import CapturedColumn
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.triggers.plan import MOST_COLUMN_BYTES

# Settings by which names are resolved, and settings on which output depends:
# https://www.postgresql.org/docs/current/sql-createfunction.html, "Writing SECURITY DEFINER Functions Safely".
_ALWAYS = """\
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, MDY'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = 1"""
# lc_monetary is the server's own, as for the export.
_MONEY = "\nSET lc_monetary FROM CURRENT"
_IDENTIFIERS = "\nSET quote_all_identifiers = off"
_STRINGS = "\nSET standard_conforming_strings = on"
ALL_SETTINGS = _ALWAYS + _MONEY + _IDENTIFIERS + _STRINGS

# Types whose text is always short; the longest is numeric, with about 150,000 digits.
_SHORT = {
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric",
    "boolean",
    "date",
    "time",
    "timestamp",
    "interval",
    "uuid",
    "money",
    "oid",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "name",
    "point",
    "line",
    "lseg",
    "box",
    "circle",
    "pg_lsn",
    "xid",
    "xid8",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
}
# Types whose length in bytes is known without reading the value.
_MEASURED = {"text", "character varying", "character", "bytea"}
_LONG = {
    "json",
    "jsonb",
    "xml",
    "bit",
    "bit varying",
    "tsvector",
    "tsquery",
    "jsonpath",
    "path",
    "polygon",
    '"char"',
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
    "regclass",
    "regproc",
    "regprocedure",
    "regoper",
    "regoperator",
    "regtype",
    "regrole",
    "regnamespace",
    "regconfig",
    "regdictionary",
    "txid_snapshot",
    "pg_snapshot",
    "tid",
    "cid",
}
_JSON = {"json", "jsonb"}
_BUILT_IN = _SHORT | _MEASURED | _LONG
_EXPANDING = 16  # the text of a jsonb or an array may be longer than the value is in the table, which is compressed


def settings_for(columns: Sequence[CapturedColumn], body: str) -> str:
    """Returns the settings of a function with that body. Each costs a third of a microsecond per row, so rare ones are left out."""
    bases = {_base(column.type)[0] for column in columns}
    plain = bases <= _SHORT | _MEASURED | _JSON
    money = "" if plain and "money" not in bases else _MONEY
    return _ALWAYS + money + ("" if plain else _IDENTIFIERS) + (_STRINGS if "\\" in body else "")


def text_of(row: str, column: CapturedColumn) -> str:
    """Returns an expression for the column of `row` (`NEW`) in the export's text form.

    A user-defined type may have a user-defined cast to text; its output function is always the type's own.
    """
    value = f"{row}.{identifier(column.name)}"
    base, array = _base(column.type)
    if base in _BUILT_IN and (base != "inet" or array):
        return f"{value}::text"
    # A composite value whose fields are all NULL is not NULL; only this test says so.
    return f"CASE WHEN {value} IS DISTINCT FROM NULL THEN format('%s', {value}) END"


def names_of(columns: Sequence[CapturedColumn]) -> str:
    """Returns the columns' names as an array."""
    return f"ARRAY[{', '.join(literal(column.name) for column in columns)}]::text[]"


def image(row: str, columns: Sequence[CapturedColumn]) -> str:
    """Returns an expression for the image of `row`, as text."""
    texts = ",\n    ".join(text_of(row, column) for column in columns)
    return f"json_object({names_of(columns)}, ARRAY[\n    {texts}])::text"


def is_ordinary(row: str, columns: Sequence[CapturedColumn]) -> str:
    """Returns the condition that the row can be written completely, without reading any long value."""
    sizes = [size for column in columns if (size := _size(f"{row}.{identifier(column.name)}", column))]
    return f"{' + '.join(sizes)} <= {MOST_COLUMN_BYTES}" if sizes else "true"


def _size(value: str, column: CapturedColumn) -> str:
    base, array = _base(column.type)
    if array or base not in _SHORT | _MEASURED:
        return f"{_EXPANDING}::bigint * coalesce(pg_column_size({value}), 0)"
    return f"coalesce(octet_length({value}), 0)::bigint" if base in _MEASURED else ""


def _base(word: str) -> tuple[str, bool]:
    """Returns the type without precision (`timestamp(3) without time zone[]` -> `timestamp`), and whether it is an array."""
    plain = word.removesuffix("[]")
    base = re.sub(r"\(.*?\)", "", plain).strip()
    for tail in (" without time zone", " with time zone"):
        base = base.removesuffix(tail)
    base = "interval" if base.startswith("interval ") else base
    return base, plain != word
