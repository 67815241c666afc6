"""Rights of Athena's operations. The rights of a statement on Glue, S3 and KMS are checked while it runs.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, everything, on
from rds_lake.localcloud.permissions.table.s3 import get_object

_OF_QUERY = ("GetQueryExecution", "StopQueryExecution", "GetQueryResults", "GetQueryRuntimeStatistics")
_OF_GROUP = ("StartQueryExecution", "ListQueryExecutions", "CreatePreparedStatement", "GetPreparedStatement")
_GROUP = ("GetWorkGroup", "CreateWorkGroup", "UpdateWorkGroup", "DeleteWorkGroup")
_CATALOG = ("GetDatabase", "ListDatabases", "GetTableMetadata", "ListTableMetadata", "GetDataCatalog")
_NO_GROUP = "primary"


def _group(call: Call, name: str | None) -> str:
    return call.arn(f"workgroup/{name or _NO_GROUP}")


def _of_group(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=action, resource=_group(call, call.params.get("WorkGroup") or call.params.get("Name")))

    return rule


def _of_queries(action: str) -> Rule:
    """Operations on query executions are checked on the workgroup in which the query was started."""

    def rule(call: Call) -> Iterator[Need]:
        ids = call.params.get("QueryExecutionIds") or [call.params.get("QueryExecutionId", "")]
        known = [call.stored.query(query_id) for query_id in ids]
        for name in dict.fromkeys(query.workgroup if query else "*" for query in known):
            yield Need(action=action, resource=_group(call, name))

    return rule


def _results(call: Call) -> Iterator[Need]:
    """GetQueryResults reads the results with the caller's rights.

    (https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html)
    """
    yield from _of_queries("athena:GetQueryResults")(call)
    query = call.stored.query(call.params.get("QueryExecutionId", ""))
    if query is not None:
        bucket, _, key = query.output.removeprefix("s3://").partition("/")
        yield from get_object(call, bucket, key)


ATHENA: dict[str, Rule] = {
    **{operation: _of_queries(f"athena:{operation}") for operation in _OF_QUERY},
    **{operation: _of_group(f"athena:{operation}") for operation in (*_OF_GROUP, *_GROUP)},
    "BatchGetQueryExecution": _of_queries("athena:BatchGetQueryExecution"),
    "GetQueryResults": _results,
    "ListWorkGroups": everything("athena:ListWorkGroups"),
    **{operation: on(f"athena:{operation}", "datacatalog/", "CatalogName", "Name") for operation in _CATALOG},
}
