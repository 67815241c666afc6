"""Repairs moto where it differs from AWS and the pipeline, or a user's setup around it, depends on the difference.

Each repair has two tests in `rds_lake_tests/localcloud/moto/test_fixes.py`: that the local cloud is right, and that moto alone is
still wrong. The second fails once moto is right; the repair is then removed.

What belongs here: repairs in the router. Snapshots are `rds/moto_snapshots.py`, DynamoDB's tables `dynamodb/moto_dynamodb.py`.
Repairs inside moto, of EventBridge's targets and of the policies of buckets and queues, are in the files beside this one.
"""

from __future__ import annotations

import threading
from typing import Any

from rds_lake.localcloud.glue.limits import check_request
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.bare_moto import BareMoto

# Operation -> the list in its request and its most entries, by AWS's model of Glue.
# (https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html and the pages of the other operations)
_BATCHES = {
    "BatchCreatePartition": ("PartitionInputList", 100),
    "BatchUpdatePartition": ("Entries", 100),
    "BatchDeletePartition": ("PartitionsToDelete", 25),
    "BatchGetPartition": ("PartitionsToGet", 1000),
    "BatchDeleteTable": ("TablesToDelete", 100),
}
# The other operations that name a database or a table.
_NAMED = (
    "CreateDatabase",
    "GetDatabase",
    "UpdateDatabase",
    "DeleteDatabase",
    "CreateTable",
    "GetTable",
    "GetTables",
    "DeleteTable",
    "GetTableVersion",
    "GetTableVersions",
    "DeleteTableVersion",
    "BatchDeleteTableVersion",
    "CreatePartition",
    "GetPartition",
    "GetPartitions",
    "UpdatePartition",
    "DeletePartition",
)


class GlueFixes:
    """Repairs of Glue: names in lower case, limits, a stale VersionId is refused, and SkipArchive has an effect."""

    def __init__(self, app: LocalCloudApp) -> None:
        self._moto = BareMoto(app, "glue")
        # Held to compare and change the version in one step, so that only one of two writers with the same version succeeds.
        self._updating = threading.Lock()
        app.json_operations["AWSGlue.UpdateTable"] = self._update_table
        for operation in (*_NAMED, *_BATCHES):
            app.json_requests[f"AWSGlue.{operation}"] = _legal_request(operation)

    def _update_table(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        check_request("UpdateTable", params)
        params = _lower_names(params)
        stated, name = params.get("VersionId"), params["TableInput"]["Name"]
        where = {"DatabaseName": params["DatabaseName"]}
        with self._updating:
            current = self._moto.call(context, "GetTable", where | {"Name": name})["Table"]["VersionId"]
            if stated is not None and stated != current:
                raise ApiError(
                    "ConcurrentModificationException", f"Update table failed due to concurrent modifications: {name}"
                )
            answer = self._moto.call(context, "UpdateTable", params)
            if params.get("SkipArchive"):
                self._moto.call(context, "DeleteTableVersion", where | {"TableName": name, "VersionId": current})
            return answer


def _legal_request(operation: str) -> Any:
    key, most = _BATCHES.get(operation, ("", 0))

    def rewrite(context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        count = len(params.get(key, ()))
        if count > most:
            raise ApiError(
                "ValidationException",
                f"1 validation error detected: Value at '{key[:1].lower()}{key[1:]}' has {count} members, at most {most}",
            )
        check_request(operation, params)
        return _lower_names(params)

    return rewrite


def _lower_names(params: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters with names of databases and tables in lower case, as Glue stores them."""
    lower = {key: params[key].lower() for key in ("DatabaseName", "TableName", "Name") if key in params}
    for key in ("DatabaseInput", "TableInput"):
        if key in params:
            lower[key] = params[key] | {"Name": params[key]["Name"].lower()}
    if "TablesToDelete" in params:
        lower["TablesToDelete"] = [name.lower() for name in params["TablesToDelete"]]
    return params | lower
