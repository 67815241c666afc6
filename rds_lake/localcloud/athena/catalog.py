"""Athena's operations on catalogues and workgroups that moto does not have."""

from __future__ import annotations

import re
from typing import Any

import botocore.exceptions

from rds_lake.localcloud.athena.metadata import list_databases, list_tables
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients

_MAX_PAGE = 50


class CatalogOperations:
    """Get and List of databases and tables, and UpdateWorkGroup."""

    def __init__(self, app: LocalCloudApp, clients: InProcessClients) -> None:
        self._clients = clients
        for operation in (
            self.GetDatabase,
            self.ListDatabases,
            self.GetTableMetadata,
            self.ListTableMetadata,
            self.UpdateWorkGroup,
        ):
            app.json_operations[f"AmazonAthena.{operation.__name__}"] = operation

    def GetDatabase(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        database = self._glue("get_database", Name=params["DatabaseName"].lower())["Database"]
        return {
            "Database": {part: database[part] for part in ("Name", "Description", "Parameters") if part in database}
        }

    def ListDatabases(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        names = [{"Name": name} for name in list_databases(self._clients.client("glue"))]
        return page_of("DatabaseList", names, params, _MAX_PAGE)

    def GetTableMetadata(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        schema, name = params["DatabaseName"].lower(), params["TableName"].lower()
        return {"TableMetadata": _metadata(self._glue("get_table", DatabaseName=schema, Name=name)["Table"])}

    def ListTableMetadata(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        self._glue("get_database", Name=params["DatabaseName"].lower())
        tables = list_tables(self._clients.client("glue"), params["DatabaseName"].lower())
        wanted = params.get("Expression") or ".*"
        listed = [_metadata(table) for table in tables if re.fullmatch(wanted, table["Name"])]
        return page_of("TableMetadataList", listed, params, _MAX_PAGE)

    def UpdateWorkGroup(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create the workgroup again with the changes, because moto can only create and delete one."""
        athena, name = self._clients.client("athena"), params["WorkGroup"]
        group = find_workgroup(self._clients, name)
        updates = params.get("ConfigurationUpdates") or {}
        configuration = _updated(group.get("Configuration") or {}, updates)
        athena.delete_work_group(WorkGroup=name)
        athena.create_work_group(
            Name=name,
            Configuration=configuration,
            Description=params.get("Description", group.get("Description") or ""),
        )
        return {}

    def _glue(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return getattr(self._clients.client("glue"), operation)(**arguments)
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            raise ApiError("MetadataException", f"{details['Code']}: {details['Message']}") from error


def find_workgroup(clients: InProcessClients, name: str) -> dict[str, Any]:
    """Returns the workgroup. InvalidRequestException if it does not exist."""
    try:
        group = clients.client("athena").get_work_group(WorkGroup=name).get("WorkGroup")
    except botocore.exceptions.ClientError:
        group = None
    if not group:
        raise ApiError("InvalidRequestException", f"WorkGroup {name} is not found.")
    return group


def page_of(name: str, items: list[Any], params: dict[str, Any], largest: int) -> dict[str, Any]:
    """Returns one page of a listing; `NextToken` is the position of the next page."""
    size = int(params.get("MaxResults") or largest)
    if not 1 <= size <= largest:
        raise ApiError("InvalidRequestException", f"MaxResults is more than maximum allowed length {largest}.")
    token = params.get("NextToken") or "0"
    if not token.isdigit():
        raise ApiError("InvalidRequestException", "NextToken is invalid")
    end = int(token) + size
    return {name: items[int(token) : end]} | ({"NextToken": str(end)} if end < len(items) else {})


def _updated(configuration: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in updates.items() if not key.startswith(("Remove", "ResultConfiguration"))}
    results = dict(configuration.get("ResultConfiguration") or {})
    for key, value in (updates.get("ResultConfigurationUpdates") or {}).items():
        if key.startswith("Remove"):
            results.pop(key.removeprefix("Remove"), None)
        else:
            results[key] = value
    return configuration | changed | {"ResultConfiguration": results}


def _metadata(table: dict[str, Any]) -> dict[str, Any]:
    def shown(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{part: c[part] for part in ("Name", "Type", "Comment") if part in c} for c in columns]

    storage = table.get("StorageDescriptor", {})
    parameters = {"inputformat": storage.get("InputFormat"), "location": storage.get("Location")}
    return {
        "Name": table["Name"],
        "CreateTime": table.get("CreateTime"),
        "TableType": table.get("TableType"),
        "Columns": shown(storage.get("Columns", [])),
        "PartitionKeys": shown(table.get("PartitionKeys") or []),
        "Parameters": table.get("Parameters", {}) | {key: value for key, value in parameters.items() if value},
    }
