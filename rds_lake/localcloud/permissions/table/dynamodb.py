"""Rights of DynamoDB's operations.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, everything, on

_OF_TABLE = (
    "CreateTable", "DescribeTable", "DeleteTable", "UpdateTable", "DescribeContinuousBackups", "UpdateContinuousBackups",
    "PutItem", "GetItem", "UpdateItem", "DeleteItem", "DescribeTimeToLive", "UpdateTimeToLive",
)  # fmt: skip
_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_PARTIQL = re.compile(r'\s*(\w+)\s.*?(?:from|into|update|delete from)?\s*"([^"]+)"', re.IGNORECASE | re.DOTALL)
_VERBS = {"select": "PartiQLSelect", "insert": "PartiQLInsert", "update": "PartiQLUpdate", "delete": "PartiQLDelete"}


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(f"table/{name}")


def _read(action: str) -> Rule:
    """A scan or query, of a table or of one of its indexes."""

    def rule(call: Call) -> Iterator[Need]:
        table = call.named("table/", "TableName")
        index = call.params.get("IndexName")
        yield Need(action=action, resource=f"{table}/index/{index}" if index else table)

    return rule


def _batch(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        for name in call.params.get("RequestItems") or {}:
            yield Need(action=action, resource=_table(call, name))

    return rule


def _transaction(call: Call) -> Iterator[Need]:
    """A transaction needs the right of each of its writes; none of its own."""
    for item in call.params.get("TransactItems") or []:
        for kind, write in item.items():
            yield Need(action=f"dynamodb:{_TRANSACTION[kind]}", resource=_table(call, write["TableName"]))


def _statement(call: Call) -> Iterator[Need]:
    match = _PARTIQL.match(call.params.get("Statement", ""))
    verb = match[1].lower() if match else ""
    if match and verb in _VERBS:
        yield Need(action=f"dynamodb:{_VERBS[verb]}", resource=_table(call, match[2]))


DYNAMODB: dict[str, Rule] = {
    **{operation: on(f"dynamodb:{operation}", "table/", "TableName") for operation in _OF_TABLE},
    "Scan": _read("dynamodb:Scan"),
    "Query": _read("dynamodb:Query"),
    "BatchWriteItem": _batch("dynamodb:BatchWriteItem"),
    "BatchGetItem": _batch("dynamodb:BatchGetItem"),
    "TransactWriteItems": _transaction,
    "ExecuteStatement": _statement,
    "ExportTableToPointInTime": on("dynamodb:ExportTableToPointInTime", "table/", "TableArn"),
    "DescribeExport": on("dynamodb:DescribeExport", "table/*/export/", "ExportArn"),
    "ListExports": on("dynamodb:ListExports", "table/", "TableArn"),
    "ListTables": everything("dynamodb:ListTables"),
    "DescribeEndpoints": everything("dynamodb:DescribeEndpoints"),
}
