"""AWS::Redshift: clusters, and the groups of subnets and parameters that they use.

CloudFormation waits until a new cluster is available, and until a deleted cluster does not exist any more.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, HandlerError, ResourceType, unless_missing

Json = dict[str, Any]
_CLUSTER = frozenset({
    "AllowVersionUpgrade", "AutomatedSnapshotRetentionPeriod", "AvailabilityZone", "ClusterIdentifier", "ClusterParameterGroupName",
    "ClusterSubnetGroupName", "ClusterType", "DBName", "Encrypted", "EnhancedVpcRouting", "IamRoles", "KmsKeyId",
    "ManageMasterPassword", "ManualSnapshotRetentionPeriod", "MasterUserPassword", "MasterUsername", "NodeType", "NumberOfNodes",
    "Port", "PubliclyAccessible", "Tags", "VpcSecurityGroupIds",
})  # fmt: skip
_MODIFIED = ("NodeType", "NumberOfNodes", "ClusterType", "AutomatedSnapshotRetentionPeriod", "ManualSnapshotRetentionPeriod",
             "EnhancedVpcRouting", "PubliclyAccessible", "ClusterParameterGroupName", "VpcSecurityGroupIds")  # fmt: skip


def _create(call: Call) -> str:
    name = call.name("ClusterIdentifier", limit=63, lower=True)
    call.client("redshift").create_cluster(**call.properties | {"ClusterIdentifier": name})
    return name


def _cluster(call: Call) -> Json | None:
    describe = partial(call.client("redshift").describe_clusters, ClusterIdentifier=call.physical)
    answer = unless_missing("ClusterNotFound", describe)
    return answer["Clusters"][0] if answer else None


def _wait(call: Call) -> None:
    def ready() -> bool:
        cluster = _cluster(call)
        if cluster is None:
            raise HandlerError(f"Cluster {call.physical} not found.")
        return cluster["ClusterStatus"] == "available"

    call.wait(ready)


def _update(call: Call) -> None:
    """https://docs.aws.amazon.com/redshift/latest/APIReference/API_ModifyCluster.html"""
    redshift = call.client("redshift")
    changed = call.pick_changed(*_MODIFIED)
    if changed:
        redshift.modify_cluster(ClusterIdentifier=call.physical, **changed)
        _wait(call)
    before, after = (set(each.get("IamRoles", ())) for each in (call.before, call.properties))
    if before != after:
        redshift.modify_cluster_iam_roles(
            ClusterIdentifier=call.physical, AddIamRoles=sorted(after - before), RemoveIamRoles=sorted(before - after)
        )


def _delete(call: Call) -> None:
    final: Json = {"SkipFinalClusterSnapshot": True}
    if call.policy == "Snapshot":
        name = f"{call.stack}-{call.logical}-snapshot-{call.suffix(12)}".lower()
        final = {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": name}
    if _cluster(call) is not None:
        call.client("redshift").delete_cluster(ClusterIdentifier=call.physical, **final)
    call.wait(lambda: _cluster(call) is None)


def _values(call: Call) -> Json:
    cluster = _cluster(call) or {}
    endpoint = cluster.get("Endpoint", {})
    values = {
        "Endpoint.Address": endpoint.get("Address"), "Endpoint.Port": endpoint.get("Port"),
        "ClusterNamespaceArn": cluster.get("ClusterNamespaceArn"), "MasterPasswordSecretArn": cluster.get("MasterPasswordSecretArn"),
        "ClusterIdentifier": call.physical,
    }  # fmt: skip
    return {key: value for key, value in values.items() if value is not None}


def _create_subnets(call: Call) -> str:
    # Only CloudFormation chooses the name: it is read-only in the schema.
    name = call.name("", limit=255, lower=True)
    given = call.pick("Description", "SubnetIds", "Tags")
    call.client("redshift").create_cluster_subnet_group(ClusterSubnetGroupName=name, **given)
    return name


def _update_subnets(call: Call) -> None:
    given = call.pick("Description", "SubnetIds")
    call.client("redshift").modify_cluster_subnet_group(ClusterSubnetGroupName=call.physical, **given)


def _delete_subnets(call: Call) -> None:
    call.client("redshift").delete_cluster_subnet_group(ClusterSubnetGroupName=call.physical)


def _create_parameters(call: Call) -> str:
    name = call.name("ParameterGroupName", limit=255, lower=True)
    given = call.pick("Description", "ParameterGroupFamily", "Tags")
    call.client("redshift").create_cluster_parameter_group(ParameterGroupName=name, **given)
    return name


def _set_parameters(call: Call) -> None:
    if given := call.properties.get("Parameters"):
        call.client("redshift").modify_cluster_parameter_group(ParameterGroupName=call.physical, Parameters=given)


def _delete_parameters(call: Call) -> None:
    call.client("redshift").delete_cluster_parameter_group(ParameterGroupName=call.physical)


TYPES = (
    ResourceType(
        name="AWS::Redshift::Cluster",
        named="ClusterIdentifier",
        takes=_CLUSTER,
        create=_create,
        configure=_wait,
        update=_update,
        delete=_delete,
        attributes=_values,
    ),
    ResourceType(
        name="AWS::Redshift::ClusterSubnetGroup",
        takes=frozenset({"Description", "SubnetIds", "Tags"}),
        create=_create_subnets,
        update=_update_subnets,
        delete=_delete_subnets,
        attributes=lambda call: {"ClusterSubnetGroupName": call.physical},
    ),
    ResourceType(
        name="AWS::Redshift::ClusterParameterGroup",
        named="ParameterGroupName",
        takes=frozenset({"Description", "ParameterGroupFamily", "ParameterGroupName", "Parameters", "Tags"}),
        create=_create_parameters,
        configure=_set_parameters,
        delete=_delete_parameters,
    ),
)
