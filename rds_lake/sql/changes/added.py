"""The expected type of a column that was added to the database after the last snapshot.

The next snapshot has the real type. If it differs, the changes are compacted again
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
_SIZES = re.compile(r"\((\d+)(?:,\s*(-?\d+))?\)")
_MOST_DIGITS = 38


def added_column(column: CapturedColumn, *, mysql: bool) -> Column:
    """Returns the column as the next snapshot is expected to have it; text if AWS's page does not list the type."""
    kind = column.type.strip().lower()
    if kind.endswith("[]"):
        return Column(name=column.name, hive_type="string", original_type="ARRAY")
    sizes = _SIZES.search(kind)
    precision = int(sizes[1]) if sizes else None
    word = " ".join(_SIZES.sub(" ", kind).replace("zerofill", "").split())
    if mysql and word == "decimal" and precision is not None and precision <= _MOST_DIGITS:
        hive = f"decimal({precision},{int(sizes[2] or 0) if sizes else 0})"
    else:
        hive = (_MYSQL if mysql else _POSTGRES).get(word, "string")
    original = word.removesuffix(" unsigned") if mysql else word
    return Column(name=column.name, hive_type=hive, original_type=original, num_precision=precision)
