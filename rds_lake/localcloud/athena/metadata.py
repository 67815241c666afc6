"""`information_schema` and `"table$partitions"`: their rows as SQL, made from Glue when a query reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import botocore.exceptions

from rds_lake.localcloud.athena.relations import list_partitions, quote, text
from rds_lake.localcloud.athena.sql.types import hive_to_trino
from rds_lake.localcloud.athena.statements.views import is_view

_PARTITIONS = "$partitions"
_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "columns": ("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "data_type"),
}


def metadata_query(glue: Any, schema: str, name: str) -> str | None:
    """Returns the SQL of such a relation; None for the name of an ordinary table or view."""
    if schema == "information_schema" and name in _COLUMNS:
        return _values(_COLUMNS[name], _ROWS[name](glue))
    if name.endswith(_PARTITIONS):
        try:
            table = glue.get_table(DatabaseName=schema, Name=name.removesuffix(_PARTITIONS))["Table"]
        except botocore.exceptions.ClientError:
            return None
        keys = [key["Name"] for key in table.get("PartitionKeys") or []]
        return _values(keys, (p["Values"] for p in list_partitions(glue, table | {"DatabaseName": schema})))
    return None


def list_databases(glue: Any) -> list[str]:
    """Returns the names of all databases, sorted."""
    pages = glue.get_paginator("get_databases").paginate()
    return sorted(database["Name"] for page in pages for database in page["DatabaseList"])


def list_tables(glue: Any, schema: str) -> list[dict[str, Any]]:
    """Returns Glue's entries of a database, by name."""
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=schema)
    return sorted((table for page in pages for table in page["TableList"]), key=lambda table: table["Name"])


def _tables(glue: Any) -> Iterable[Sequence[object]]:
    for schema in list_databases(glue):
        for table in list_tables(glue, schema):
            yield "awsdatacatalog", schema, table["Name"], "VIEW" if is_view(table) else "BASE TABLE"


def _columns(glue: Any) -> Iterable[Sequence[object]]:
    for schema in list_databases(glue):
        for table in list_tables(glue, schema):
            parts = table["StorageDescriptor"]["Columns"] + (table.get("PartitionKeys") or [])
            for position, part in enumerate(parts, 1):
                kind = hive_to_trino(part["Type"])
                yield "awsdatacatalog", schema, table["Name"], part["Name"], position, kind


_ROWS = {
    "schemata": lambda glue: (("awsdatacatalog", schema) for schema in list_databases(glue)),
    "tables": _tables,
    "columns": _columns,
}


def _values(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    listed = [
        "(" + ", ".join(str(value) if isinstance(value, int) else text(str(value)) for value in row) + ")"
        for row in rows
    ]
    names = ", ".join(quote(column) for column in columns)
    if not listed:
        return f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {quote(column)}' for column in columns)} WHERE false"
    return f"SELECT * FROM (VALUES {', '.join(listed)}) AS lc_values({names})"
