"""Rights of RDS's operations.

A call that names no object is checked on all objects of its kind: "is not authorized to perform: rds:DescribeDBInstances on resource:
arn:aws:rds:…:db:*". If AWS lists several resource types as optional and does not document which of them a call
uses, all objects that the call names are checked.
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, both, everything, on, pass_role


def _listed(action: str, *types: tuple[str, str]) -> Rule:
    """A list that several identifiers may limit. `types`: parameter and kind; without any parameter, the last kind is checked."""

    def rule(call: Call) -> Iterator[Need]:
        named = [call.named(kind, key) for key, kind in types if call.params.get(key)]
        for resource in named or [call.arn(f"{types[-1][1]}*")]:
            yield Need(action=action, resource=resource)

    return rule


def _made(action: str, *types: tuple[str, str]) -> Rule:
    """An operation on several resources, all of which it names."""

    def rule(call: Call) -> Iterator[Need]:
        for key, kind in types:
            yield Need(action=action, resource=call.named(kind, key))

    return rule


def _start_export(call: Call) -> Iterator[Need]:
    """The caller's rights: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html"""
    yield Need(action="rds:StartExportTask", resource=call.params.get("SourceArn", call.arn("snapshot:*")))
    yield from pass_role("IamRoleArn", "export.rds.amazonaws.com")(call)
    key = call.stored.key_arn(call.params.get("KmsKeyId"), call.region)
    if key:
        via = {"kms:ViaService": (f"rds.{call.region}.amazonaws.com",)}
        yield Need(action="kms:DescribeKey", resource=key, context=via)
        yield Need(action="kms:CreateGrant", resource=key, context=via | {"kms:GrantIsForAWSResource": ("true",)})


INSTANCE, CLUSTER = ("DBInstanceIdentifier", "db:"), ("DBClusterIdentifier", "cluster:")
SNAPSHOT, CLUSTER_SNAPSHOT = ("DBSnapshotIdentifier", "snapshot:"), ("DBClusterSnapshotIdentifier", "cluster-snapshot:")
_COPY = (("SourceDBSnapshotIdentifier", "snapshot:"), ("TargetDBSnapshotIdentifier", "snapshot:"))
_COPY_CLUSTER = (
    ("SourceDBClusterSnapshotIdentifier", "cluster-snapshot:"),
    ("TargetDBClusterSnapshotIdentifier", "cluster-snapshot:"),
)

RDS: dict[str, Rule] = {
    "StartExportTask": _start_export,
    "DescribeExportTasks": on("rds:DescribeExportTasks", "snapshot:", "SourceArn"),
    "CancelExportTask": everything("rds:CancelExportTask"),
    "DescribeDBInstances": _listed("rds:DescribeDBInstances", INSTANCE),
    "DescribeDBClusters": _listed("rds:DescribeDBClusters", CLUSTER),
    "DescribeDBSnapshots": _listed("rds:DescribeDBSnapshots", INSTANCE, SNAPSHOT),
    "DescribeDBClusterSnapshots": _listed("rds:DescribeDBClusterSnapshots", CLUSTER, CLUSTER_SNAPSHOT),
    "CreateDBSnapshot": _made("rds:CreateDBSnapshot", INSTANCE, SNAPSHOT),
    "CreateDBClusterSnapshot": _made("rds:CreateDBClusterSnapshot", CLUSTER, CLUSTER_SNAPSHOT),
    "CopyDBSnapshot": _made("rds:CopyDBSnapshot", *_COPY),
    "CopyDBClusterSnapshot": _made("rds:CopyDBClusterSnapshot", *_COPY_CLUSTER),
    "DeleteDBSnapshot": _made("rds:DeleteDBSnapshot", SNAPSHOT),
    "DeleteDBClusterSnapshot": _made("rds:DeleteDBClusterSnapshot", CLUSTER_SNAPSHOT),
    "CreateDBInstance": both(
        _made("rds:CreateDBInstance", INSTANCE), pass_role("MonitoringRoleArn", "monitoring.rds.amazonaws.com")
    ),
    "DeleteDBInstance": _made("rds:DeleteDBInstance", INSTANCE),
    "CreateDBCluster": _made("rds:CreateDBCluster", CLUSTER),
    "DeleteDBCluster": _made("rds:DeleteDBCluster", CLUSTER),
    "DescribeEvents": everything("rds:DescribeEvents"),
    "ListTagsForResource": on("rds:ListTagsForResource", "", "ResourceName"),
}
