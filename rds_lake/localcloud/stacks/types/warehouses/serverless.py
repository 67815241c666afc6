"""AWS::RedshiftServerless: namespaces and workgroups. The service's parameters are the properties with a small first letter."""

from __future__ import annotations

from functools import partial
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, HandlerError, ResourceType, unless_missing

Json = dict[str, Any]
_NAMESPACE = frozenset({
    "AdminUserPassword", "AdminUsername", "DbName", "DefaultIamRoleArn", "FinalSnapshotName", "FinalSnapshotRetentionPeriod",
    "IamRoles", "KmsKeyId", "LogExports", "ManageAdminPassword", "NamespaceName", "Tags",
})  # fmt: skip
_WORKGROUP = frozenset({
    "BaseCapacity", "ConfigParameters", "EnhancedVpcRouting", "MaxCapacity", "NamespaceName", "Port", "PricePerformanceTarget",
    "PubliclyAccessible", "SecurityGroupIds", "SubnetIds", "Tags", "WorkgroupName",
})  # fmt: skip
_MISSING = "ResourceNotFoundException"
_FINAL = ("FinalSnapshotName", "FinalSnapshotRetentionPeriod")


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _small(inner) for key, inner in value.items()}
    return [_small(each) for each in value] if isinstance(value, list) else value


def _create_namespace(call: Call) -> str:
    given = {key: value for key, value in call.properties.items() if key not in _FINAL}
    call.client("redshift-serverless").create_namespace(**_small(given))
    return call.properties["NamespaceName"]


def _update_namespace(call: Call) -> None:
    keys = ("DefaultIamRoleArn", "IamRoles", "KmsKeyId", "LogExports", "ManageAdminPassword")
    changed = call.pick_changed(*keys)
    if changed:
        call.client("redshift-serverless").update_namespace(namespaceName=call.physical, **_small(changed))


def _delete_namespace(call: Call) -> None:
    if _namespace(call) is not None:
        final = call.pick(*_FINAL)
        call.client("redshift-serverless").delete_namespace(namespaceName=call.physical, **_small(final))
    call.wait(lambda: _namespace(call) is None)


def _namespace(call: Call) -> Json | None:
    get = partial(call.client("redshift-serverless").get_namespace, namespaceName=call.physical)
    answer = unless_missing(_MISSING, get)
    return answer["namespace"] if answer else None


def _namespace_values(call: Call) -> Json:
    namespace = _namespace(call) or {}
    return {f"Namespace.{key[:1].upper()}{key[1:]}": value for key, value in namespace.items()}


def _create_workgroup(call: Call) -> str:
    call.client("redshift-serverless").create_workgroup(**_small(call.properties))
    return call.properties["WorkgroupName"]


def _wait(call: Call) -> None:
    def ready() -> bool:
        workgroup = _workgroup(call)
        if workgroup is None:
            raise HandlerError(f"The workgroup {call.physical} does not exist.")
        return workgroup["status"] == "AVAILABLE"

    call.wait(ready)


def _update_workgroup(call: Call) -> None:
    keys = ("BaseCapacity", "ConfigParameters", "EnhancedVpcRouting", "MaxCapacity", "Port", "PricePerformanceTarget",
            "PubliclyAccessible", "SecurityGroupIds", "SubnetIds")  # fmt: skip
    changed = call.pick_changed(*keys)
    if changed:
        call.client("redshift-serverless").update_workgroup(workgroupName=call.physical, **_small(changed))
        _wait(call)


def _delete_workgroup(call: Call) -> None:
    if _workgroup(call) is not None:
        call.client("redshift-serverless").delete_workgroup(workgroupName=call.physical)
    call.wait(lambda: _workgroup(call) is None)


def _workgroup(call: Call) -> Json | None:
    get = partial(call.client("redshift-serverless").get_workgroup, workgroupName=call.physical)
    answer = unless_missing(_MISSING, get)
    return answer["workgroup"] if answer else None


def _workgroup_values(call: Call) -> Json:
    workgroup = _workgroup(call) or {}
    endpoint = workgroup.pop("endpoint", {})
    values = {f"Workgroup.{key[:1].upper()}{key[1:]}": value for key, value in workgroup.items()}
    return values | {f"Workgroup.Endpoint.{key[:1].upper()}{key[1:]}": value for key, value in endpoint.items()}


TYPES = (
    ResourceType(
        name="AWS::RedshiftServerless::Namespace",
        named="NamespaceName",
        takes=_NAMESPACE,
        create=_create_namespace,
        update=_update_namespace,
        delete=_delete_namespace,
        attributes=_namespace_values,
    ),
    ResourceType(
        name="AWS::RedshiftServerless::Workgroup",
        named="WorkgroupName",
        takes=_WORKGROUP,
        create=_create_workgroup,
        configure=_wait,
        update=_update_workgroup,
        delete=_delete_workgroup,
        attributes=_workgroup_values,
    ),
)
