"""Three vocabularies of types: Hive's (Glue), Trino's (queries), DuckDB's (the engine).

What belongs here: translating type words.
"""

from __future__ import annotations

import re

_HIVE_TO_DUCK = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "integer": "INTEGER",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "binary": "BLOB",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "bigint": "BIGINT",
    "smallint": "SMALLINT",
    "tinyint": "TINYINT",
}
_DUCK_TO_TRINO = {
    "VARCHAR": "varchar",
    "TIMESTAMP": "timestamp(3)",
    "TIMESTAMP_MS": "timestamp(3)",
    "TIMESTAMP_S": "timestamp(3)",
    "TIMESTAMP_NS": "timestamp(3)",
    "TIMESTAMP WITH TIME ZONE": "timestamp(3) with time zone",
    "BLOB": "varbinary",
    "FLOAT": "real",
    "HUGEINT": "bigint",  # DuckDB's sum of integers; Trino's is bigint
    "UBIGINT": "bigint",
    "JSON": "json",
    '"NULL"': "unknown",
    "NULL": "unknown",
    "INTERVAL": "interval day to second",
}
# What a view or table can store; anything else has no Hive form.
_TRINO_TO_HIVE = {
    "varchar": "string",
    "integer": "int",
    "varbinary": "binary",
    "real": "float",
    "timestamp": "timestamp",
    "timestamp(3)": "timestamp",
    "bigint": "bigint",
    "smallint": "smallint",
    "tinyint": "tinyint",
    "boolean": "boolean",
    "double": "double",
    "date": "date",
}
_FIELD = re.compile(r'("(?:[^"]|"")*"|\S+)\s+(.*)', re.DOTALL)


def split_top(text: str, separator: str = ",") -> list[str]:
    """Split at separators outside brackets and quoted names."""
    parts, depth, quoted, current = [], 0, False, ""
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "<(") - (character in ">)")
        if character == separator and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()] if current.strip() else parts


def split_row(text: str) -> list[tuple[str, str]]:
    """Fields of a `row(…)` or `STRUCT(…)` body: names without quotes, and types."""
    matches = (_FIELD.fullmatch(field) for field in split_top(text))
    named = [(match[1].strip('"').replace('""', '"'), match[2]) for match in matches if match]
    # sqlglot names the fields of a bare ROW `_0`, `_1`, …
    return [(re.sub(r"^_(\d+)$", r"field\1", name), kind) for name, kind in named]


def hive_to_duck(hive: str) -> str:
    """DuckDB's type for a Hive type; ValueError for a word Hive does not have."""
    text = hive.strip().lower()
    if match := re.fullmatch(r"array<(.*)>", text):
        return f"{hive_to_duck(match[1])}[]"
    if match := re.fullmatch(r"map<(.*)>", text):
        key, value = split_top(match[1])
        return f"MAP({hive_to_duck(key)}, {hive_to_duck(value)})"
    if match := re.fullmatch(r"struct<(.*)>", text):
        fields = (field.split(":", 1) for field in split_top(match[1]))
        return "STRUCT(" + ", ".join(f'"{name.strip(" `")}" {hive_to_duck(kind)}' for name, kind in fields) + ")"
    if text.startswith("decimal"):
        return text if "(" in text else "decimal(10,0)"
    if re.fullmatch(r"(var)?char(\(\d+\))?", text):
        return "VARCHAR"
    if text not in _HIVE_TO_DUCK:
        raise ValueError(f"{hive!r} is no Hive type")
    return _HIVE_TO_DUCK[text]


def with_a_field_more(duck: str) -> str:
    """A DuckDB type whose structs have one more field: never the same as the type itself."""
    return duck.replace("STRUCT(", "STRUCT(lc_more BOOLEAN, ")


def hive_to_trino(hive: str) -> str:
    """Trino's word for a Hive type."""
    return duck_to_trino(hive_to_duck(hive))


def duck_to_trino(duck: str) -> str:
    """Trino's word for a DuckDB type."""
    text = str(duck)
    if text.endswith("[]"):
        return f"array({duck_to_trino(text[:-2])})"
    if match := re.fullmatch(r"MAP\((.*)\)", text):
        key, value = split_top(match[1])
        return f"map({duck_to_trino(key)}, {duck_to_trino(value)})"
    if match := re.fullmatch(r"STRUCT\((.*)\)", text):
        return "row(" + ", ".join(f"{_name(name)} {duck_to_trino(kind)}" for name, kind in split_row(match[1])) + ")"
    if match := re.fullmatch(r"TUPLE\((.*)\)", text):
        kinds = enumerate(split_top(match[1]))
        return "row(" + ", ".join(f"field{number} {duck_to_trino(kind)}" for number, kind in kinds) + ")"
    return _DUCK_TO_TRINO.get(text, text.lower())


def trino_to_duck(trino: str) -> str:
    """DuckDB's type for a Trino type a table can store; ValueError for another."""
    return hive_to_duck(trino_to_hive(trino))


def trino_to_hive(trino: str) -> str:
    """The Hive type that stores a Trino type; ValueError when none does (time zones, time, json, unknown)."""
    text = re.sub(r"^varchar\(\d+\)$", "varchar", trino.strip())
    if match := re.fullmatch(r"array\((.*)\)", text):
        return f"array<{trino_to_hive(match[1])}>"
    if match := re.fullmatch(r"map\((.*)\)", text):
        key, value = split_top(match[1])
        return f"map<{trino_to_hive(key)},{trino_to_hive(value)}>"
    if match := re.fullmatch(r"row\((.*)\)", text):
        return "struct<" + ",".join(f"{name}:{trino_to_hive(kind)}" for name, kind in split_row(match[1])) + ">"
    if re.fullmatch(r"decimal\(\d+,\s*\d+\)", text):
        return text.replace(" ", "")
    if text not in _TRINO_TO_HIVE:
        raise ValueError(f"Unsupported Hive type: {trino}")
    return _TRINO_TO_HIVE[text]


def _name(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else '"' + name.replace('"', '""') + '"'
