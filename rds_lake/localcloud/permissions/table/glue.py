"""Rights of Glue's operations: each on the catalog, on the database and on the table, by the same action.

(https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, both, everything, on, pass_role

_OF_DATABASES = ("CreateDatabase", "GetDatabase", "UpdateDatabase")
_OF_TABLES = (
    "CreateTable", "GetTable", "UpdateTable", "DeleteTable", "BatchDeleteTable", "GetTableVersion", "GetTableVersions",
    "DeleteTableVersion", "BatchDeleteTableVersion", "CreatePartition", "GetPartition", "GetPartitions", "UpdatePartition",
    "DeletePartition", "BatchCreatePartition", "BatchUpdatePartition", "BatchDeletePartition", "BatchGetPartition",
)  # fmt: skip


def _needs(call: Call, action: str, resources: Sequence[str]) -> Iterator[Need]:
    for resource in resources:
        yield Need(action=action, resource=call.arn(resource))


def _database(call: Call) -> str:
    name = call.params.get("Name") or (call.params.get("DatabaseInput") or {}).get("Name") or "*"
    return name.lower()


def _of_database(action: str, *below: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        name = _database(call)
        yield from _needs(call, action, ["catalog", f"database/{name}", *(f"{kind}/{name}/*" for kind in below)])

    return rule


def _of_table(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        database = call.params.get("DatabaseName", "*").lower()
        single = (call.params.get("TableInput") or {}).get("Name") or call.params.get("TableName")
        names = call.params.get("TablesToDelete") or [single or call.params.get("Name") or "*"]
        tables = [f"table/{database}/{name.lower()}" for name in names]
        yield from _needs(call, action, ["catalog", f"database/{database}", *tables])

    return rule


def _databases(call: Call) -> Iterator[Need]:
    yield from _needs(call, "glue:GetDatabases", ["catalog", "database/*"])


def _job(operation: str) -> Rule:
    return on(f"glue:{operation}", "job/", "JobName", "Name")


def _pass_updated_role(call: Call) -> Iterator[Need]:
    yield from pass_role("Role", "glue.amazonaws.com")(call.with_params(call.params.get("JobUpdate") or {}))


GLUE: dict[str, Rule] = {
    **{operation: _of_database(f"glue:{operation}") for operation in _OF_DATABASES},
    "DeleteDatabase": _of_database("glue:DeleteDatabase", "table", "userDefinedFunction"),
    "GetDatabases": _databases,
    **{operation: _of_table(f"glue:{operation}") for operation in _OF_TABLES},
    "GetTables": _of_table("glue:GetTables"),
    **{
        operation: _job(operation)
        for operation in ("GetJob", "DeleteJob", "StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
    },
    "CreateJob": both(_job("CreateJob"), pass_role("Role", "glue.amazonaws.com")),
    "UpdateJob": both(_job("UpdateJob"), _pass_updated_role),
    "CreateSecurityConfiguration": everything("glue:CreateSecurityConfiguration"),
    "GetSecurityConfiguration": everything("glue:GetSecurityConfiguration"),
    "DeleteSecurityConfiguration": everything("glue:DeleteSecurityConfiguration"),
    "GetTags": on("glue:GetTags", "", "ResourceArn"),
    "TagResource": on("glue:TagResource", "", "ResourceArn"),
}
LAKE_FORMATION: dict[str, Rule] = {"GetDataLakeSettings": everything("lakeformation:GetDataLakeSettings")}
