"""A column that was added to the database since the last snapshot: what its files will have, by the database's own words.

The next snapshot says it for certain; where it says something else, the changes are compacted anew
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html, "Data conversion").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rds_lake.model.streams.captured import CapturedColumn
from rds_lake.model.tables.table import Column

_POSTGRES: Mapping[str, str] = {
    "bigint": "bigint",
    "integer": "int",
    "smallint": "smallint",
    "double precision": "double",
    "real": "float",
    "boolean": "boolean",
    "bytea": "binary",
}
_MYSQL: Mapping[str, str] = {
    "tinyint": "int",
    "smallint": "int",
    "mediumint": "int",
    "int": "int",
    "bigint": "bigint",
    "tinyint unsigned": "smallint",
    "smallint unsigned": "int",
    "mediumint unsigned": "bigint",
    "int unsigned": "bigint",
    "bigint unsigned": "decimal(20,0)",
    "year": "int",
    "float": "double",
    "double": "double",
    "datetime": "timestamp",
    "timestamp": "timestamp",
    **dict.fromkeys(
        ("bit", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "linestring"),
        "binary",
    ),
}
# `numeric(12,2)`, `int(10) unsigned`, `timestamp(3) with time zone`, `integer[]`
_WORDS = re.compile(
    r"(?P<word>[a-z_ ]+?)\s*(?:\((?P<size>\d+)(?:,\s*(?P<scale>-?\d+))?\))?(?P<rest>[a-z_ ]*)(?P<list>\[\])?"
)
_MOST_DIGITS = 38


def added_column(column: CapturedColumn, *, mysql: bool) -> Column:
    """The column as a snapshot is expected to have it: text, where AWS lists nothing else."""
    match = _WORDS.fullmatch(column.type.strip().lower())
    if match is None:
        return Column(name=column.name, hive_type="string", original_type=column.type)
    size = int(match["size"]) if match["size"] else None
    rest = match["rest"].replace("zerofill", "").strip()
    word = " ".join(part for part in (match["word"], rest) if part)
    if match["list"]:
        return Column(name=column.name, hive_type="string", original_type="ARRAY")
    if mysql and word == "decimal" and size is not None and size <= _MOST_DIGITS:
        hive = f"decimal({size},{int(match['scale'] or 0)})"
    else:
        hive = (_MYSQL if mysql else _POSTGRES).get(word, "string")
    original = word.removesuffix(" unsigned") if mysql else word
    return Column(name=column.name, hive_type=hive, original_type=original, num_precision=size)
