"""Database engines, and how their exports differ.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html

| family | engines RDS names | `<schema>` in keys and targets | ExportOnly items |
|---|---|---|---|
| POSTGRES | postgres, aurora-postgresql | the schema | `db`, `db.schema`, `db.schema.table` |
| MYSQL | mysql, mariadb, aurora-mysql, aurora | the database again | `db`, `db.table` |

What belongs here: all differences between engines except types, which are in `sql/*_types.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from rds_lake.model.tables.table import TableTarget

# Partial exports are refused for names with other characters (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html).
_ONLY_WORD = r"[A-Za-z0-9$_]+"


class Engine(StrEnum):
    """A family of engines whose exports have the same form."""

    POSTGRES = "postgres"
    MYSQL = "mysql"

    @property
    def _depth(self) -> int:
        """The number of words that name a table in ExportOnly."""
        return 3 if self is Engine.POSTGRES else 2

    @property
    def grammar(self) -> str:
        """The form of ExportOnly's items, as text for messages."""
        return "`db`, `db.schema` or `db.schema.table`" if self is Engine.POSTGRES else "`db` or `db.table`"

    def is_export_only(self, item: str) -> bool:
        """Whether AWS accepts the item in ExportOnly."""
        return re.fullmatch(rf"{_ONLY_WORD}(\.{_ONLY_WORD}){{0,{self._depth - 1}}}", item, re.ASCII) is not None

    def items_of(self, target: TableTarget) -> tuple[str, ...]:
        """Returns every item of ExportOnly that selects the table; empty if this engine cannot have such a table."""
        if self is Engine.POSTGRES:
            return target.database, f"{target.database}.{target.schema}", str(target)
        return (target.database, f"{target.database}.{target.table}") if target.schema == target.database else ()

    def included_tables(self, include: Sequence[str]) -> tuple[TableTarget, ...]:
        """Returns the tables that items of ExportOnly name completely."""
        words = [item.split(".") for item in include]
        # In MySQL the schema is the database.
        return tuple(
            TableTarget(database=parts[0], schema=parts[-2], table=parts[-1])
            for parts in words
            if len(parts) == self._depth
        )


_FAMILIES = {
    "postgres": Engine.POSTGRES,
    "aurora-postgresql": Engine.POSTGRES,
    "mysql": Engine.MYSQL,
    "mariadb": Engine.MYSQL,
    "aurora-mysql": Engine.MYSQL,
    "aurora": Engine.MYSQL,
}


def engine_of(name: str) -> Engine:
    """Returns the family of an RDS engine name. Raises ValueError if AWS exports no snapshots of the engine."""
    family = _FAMILIES.get(name.strip().lower())
    if family is None:
        raise ValueError(f"AWS exports no snapshots of engine {name!r}; it does of {', '.join(_FAMILIES)}")
    return family
