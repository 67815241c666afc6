r"""The types of columns in PostgreSQL, and the texts that COPY reads.

PostgreSQL's types are exported as its own text
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html), which its own input functions read back
exactly. If the server refuses a text, the whole column is stored in another way.

    numeric, date, timestamp, interval, uuid, inet, int4range, point, …   the same type
    character varying(n), character(n), bit(n)                            the same type and length
    arrays                      text[], as the export does not name the element type; text for another delimiter
    enum, composite, extensions text: the export does not name the type (`USER-DEFINED`)
    money                       text: its meaning depends on the server's locale
    MySQL's                     numeric, date, timestamp, …; time up to 24 hours; bit(n) bigint or numeric(20,0); else text
    DynamoDB's lists and maps   jsonb
    text with a zero byte       bytea: PostgreSQL's text has none

What belongs here: the rules. COPY's own format is `copy_text.py`.
"""

from __future__ import annotations

from rds_lake.model.tables.nested_types import is_nested
from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import original_word
from rds_lake.sql.pull.shared_rules import IS_DAY_TIME, IS_LIST, as_overridden, as_text_of_bytes, bits
from rds_lake.sql.pull.ways import PulledColumn, Way, early_days_unknown

_HEX = r"'\x' || lower(hex({raw}))"
# `0001-01-01 (BC) 00:00:00` of DuckDB, of MySQL's year 0, is `0001-01-01 00:00:00 BC` of PostgreSQL.
_MOMENT = (
    "CASE WHEN {raw} < DATE '0001-01-01' THEN replace(CAST({raw} AS VARCHAR), ' (BC)', '') || ' BC' "
    "ELSE CAST({raw} AS VARCHAR) END"
)
_NO_ZERO = "NOT contains({raw}, chr(0))"  # a character that only texts of MySQL and DynamoDB can have
_TEXT = Way(kind="text", value="{raw}", exact=_NO_ZERO)
_BYTES_OF_TEXT = Way(kind="bytea", value=r"'\x' || lower(hex(encode({raw})))")
# information_schema's words for types whose text means the same everywhere.
_SAME = frozenset({
    "bigint", "integer", "smallint", "boolean", "real", "double precision", "bytea", "numeric", "date", "interval", "uuid", "json",
    "jsonb", "xml", "inet", "cidr", "macaddr", "macaddr8", "point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector",
    "tsquery", "pg_lsn", "oid", "name", "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
    "int4multirange", "int8multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange",
    "timestamp without time zone", "timestamp with time zone", "time with time zone",
})  # fmt: skip
_SHORT = {"timestamp": "timestamp", "timestamptz": "timestamptz", "decimal": "numeric", "timetz": "timetz"}
# Texts of digits and signs alone; another text would be refused by the server in any case.
_PLAIN = frozenset({"numeric", "decimal", "date", "uuid", "timestamp without time zone", "timestamp with time zone"})
_WITH_LENGTH = {
    "character varying": "character varying",
    "varchar": "character varying",
    "character": "character",
    "bit": "bit",
    "bit varying": "bit varying",
}
_MOST_CHARACTERS = 10_485_760  # https://www.postgresql.org/docs/current/datatype-character.html
_NATIVE = {
    "tinyint": "smallint",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double precision",
    "boolean": "boolean",
}
_DUCKDB_TO_POSTGRES = {
    "VARCHAR": "text",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "TINYINT": "smallint",
    "BLOB": "bytea",
}


def postgres_column(column: Column, name: str, override: str | None) -> PulledColumn:
    """Returns the ways to store the column; `override`: its parsed Athena type from `types:` of lake.yaml."""
    asked = () if override is None else as_overridden(column, override)
    ways = (*map(_in_postgres, asked), *_natural(column))
    return PulledColumn(column=column, name=name, ways=ways, notes=early_days_unknown(column))


def _in_postgres(way: Way) -> Way:
    kind = way.kind.replace("DECIMAL", "numeric")
    return Way(kind=_DUCKDB_TO_POSTGRES.get(kind, kind.lower()), value=f"CAST({way.value} AS VARCHAR)", exact=way.exact)


def _natural(column: Column) -> tuple[Way, ...]:
    if column.hive_type == "string":
        best = _of_text(column)
        return (_TEXT, _BYTES_OF_TEXT) if best is None else (best, _TEXT, _BYTES_OF_TEXT)
    if column.hive_type == "binary":
        plain = Way(kind="bytea", value=_HEX)
        better = bits(column) or as_text_of_bytes(column)
        return (plain,) if better is None else (_in_postgres(better), plain)
    if is_nested(column.hive_type):
        json = "CAST(to_json({raw}) AS VARCHAR)"
        return (Way(kind="jsonb", value=json), Way(kind="text", value=json))
    if column.hive_type in ("date", "timestamp"):
        return (Way(kind=column.hive_type, value=_MOMENT, is_plain=True), Way(kind="text", value=_MOMENT))
    kind = _NATIVE.get(column.hive_type) or column.hive_type.replace("decimal", "numeric")
    return (Way(kind=kind, value="CAST({raw} AS VARCHAR)", is_plain=True),)


def _of_text(column: Column) -> Way | None:
    word = original_word(column)
    length = column.char_max_length
    if word in _WITH_LENGTH and length is not None and 0 < length <= _MOST_CHARACTERS:
        return Way(kind=f"{_WITH_LENGTH[word]}({length})", value="{raw}", exact=_NO_ZERO)
    if word in ("time", "time without time zone"):
        return Way(kind="time", value="{raw}", exact=IS_DAY_TIME)
    if word == "array" or word.endswith("[]"):
        return Way(kind="text[]", value="{raw}", exact=IS_LIST)
    if word in _SAME or word in _SHORT:
        return Way(kind=_SHORT.get(word, word), value="{raw}", is_plain=word in _PLAIN)
    return None
