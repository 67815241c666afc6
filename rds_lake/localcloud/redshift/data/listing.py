"""The Data API's operations that list databases, schemas, tables and columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rds_lake.localcloud.http.app import ApiError, RequestContext
from rds_lake.localcloud.redshift.clusters.warehouses import Warehouses
from rds_lake.localcloud.redshift.data.results import metadata
from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.engine.tables import TableName, Tables

Json = dict[str, Any]
_PAGE = 1000


class Listing:
    """Operations that answer at once."""

    def __init__(self, warehouses: Warehouses, databases: Databases) -> None:
        self._warehouses, self._databases = warehouses, databases

    def ListDatabases(self, context: RequestContext, params: Json) -> Json:
        warehouse = self._warehouses.find(context, params)
        return _page("Databases", sorted({warehouse.database, *self._databases.names(warehouse.key)}), params)

    def ListSchemas(self, context: RequestContext, params: Json) -> Json:
        with_tables = self._tables(context, params)
        names = [name for name in with_tables[0].schemas() if _like(name, params.get("SchemaPattern"))]
        with_tables[1]()
        return _page("Schemas", names, params)

    def ListTables(self, context: RequestContext, params: Json) -> Json:
        tables, close = self._tables(context, params)
        matching = [
            {"schema": schema, "name": name, "type": kind}
            for schema, name, kind in tables.listed()
            if _like(schema, params.get("SchemaPattern")) and _like(name, params.get("TablePattern"))
        ]
        close()
        return _page("Tables", matching, params)

    def DescribeTable(self, context: RequestContext, params: Json) -> Json:
        name, schema = params.get("Table", ""), params.get("Schema") or "public"
        tables, close = self._tables(context, params)
        columns = tables.columns(TableName(schema=schema, name=name))
        close()
        if not columns:
            return {"ColumnList": []}
        shown = [metadata(column, schema=schema, table=name) for column in columns]
        return {"TableName": name} | _page("ColumnList", shown, params)

    def _tables(self, context: RequestContext, params: Json) -> tuple[Tables, Any]:
        warehouse = self._warehouses.find(context, params)
        session = self._databases.session(warehouse.key, params.get("Database") or warehouse.database)
        return session.tables, session.close


def _like(name: str, pattern: str | None) -> bool:
    """Whether a name matches a pattern of SQL's LIKE (`%` and `_`)."""
    if not pattern:
        return True
    translated = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(translated, name, re.DOTALL) is not None


def _page(key: str, items: Sequence[Any], params: Json) -> Json:
    size, begin = params.get("MaxResults") or _PAGE, params.get("NextToken") or "0"
    if not begin.isdigit() or not 0 < size <= _PAGE:
        raise ApiError("ValidationException", "NextToken or MaxResults is not valid.")
    end = int(begin) + size
    return {key: list(items[int(begin) : end])} | ({"NextToken": str(end)} if end < len(items) else {})
