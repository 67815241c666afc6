"""The template of one warehouse: a cluster, or a namespace with its workgroup, and the role with which Redshift reads and writes S3.

Everything is deleted with the stack, without a final snapshot. Redshift creates the admin's password in Secrets Manager:
no parameter, output or event contains it. The caller passes on the text: `stages/` do not import this folder.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import Cluster, Serverless, WarehouseSettings
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.warehouse.role import redshift_role_policy, redshift_services
from rds_lake.infra.template.parts import Part, get_att, joined, ref, resource, substituted, tags
from rds_lake.infra.template.render import as_json
from rds_lake.model.warehouse.names import ADMIN
from rds_lake.model.warehouse.names import Names as WarehouseNames

_NAMES = Names(partition="${AWS::Partition}", region="${AWS::Region}", account="${AWS::AccountId}")
_PORT = 5439
# Redshift's families: https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-parameter-groups.html
_FAMILY = "redshift-1.0"
_KEPT_DAYS = 1  # of automated snapshots, which go with the cluster; ra3 takes no 0


def warehouse_text(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames) -> str:
    """Returns the template's text; the same settings and names always give the same text."""
    return as_json(warehouse_template(config, settings, names))


def warehouse_template(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames) -> dict[str, Any]:
    """Returns the template; `mode: existing` has none."""
    own = _role(config, settings, names) if settings.role is None else Part()
    role = get_att("Role") if settings.role is None else settings.role
    network = _security_group(config, settings, names)
    made = _cluster(config, settings, names, role) if names.cluster else _serverless(config, settings, names, role)
    whole = joined([own, network, made])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"rds-lake: the warehouse {settings.name} of the lake s3://{config.lake.bucket}/{config.lake.prefix}",
        "Resources": dict(whole.resources),
        **({"Outputs": dict(whole.outputs)} if whole.outputs else {}),
    }


def _role(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames) -> Part:
    may = redshift_role_policy(config, settings, _NAMES)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": list(redshift_services(settings))},
        "Action": "sts:AssumeRole",
    }
    properties = {
        "RoleName": names.role,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Policies": [{"PolicyName": "rds-lake", "PolicyDocument": substituted(may.as_dict())}],
        "Tags": _tags(config, settings),
    }
    return Part(
        resources={"Role": resource("AWS::IAM::Role", properties)}, outputs={"Role": {"Value": get_att("Role")}}
    )


def _security_group(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames) -> Part:
    """A group without inbound rules: statements come by the Data API, which needs no network access."""
    if settings.vpc is None or settings.security_groups:
        return Part()
    properties = {
        "GroupDescription": f"Warehouse {settings.name} of rds-lake: lets nobody in",
        "GroupName": names.stack,
        "VpcId": settings.vpc,
        "Tags": _tags(config, settings),
    }
    return Part(resources={"SecurityGroup": resource("AWS::EC2::SecurityGroup", properties)})


def _groups(settings: WarehouseSettings) -> list[Any]:
    if settings.security_groups:
        return list(settings.security_groups)
    return [get_att("SecurityGroup", "GroupId")] if settings.vpc is not None else []


def _cluster(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames, role: Any) -> Part:
    """Long: the properties of a cluster, one a line."""
    wanted, name_tags = settings.cluster or Cluster(), _tags(config, settings)
    parameters = {
        "Description": f"Warehouse {settings.name} of rds-lake",
        "ParameterGroupFamily": _FAMILY,
        "ParameterGroupName": f"{names.stack}-parameters",
        "Parameters": [{"ParameterName": "require_ssl", "ParameterValue": "true"}],
        "Tags": name_tags,
    }
    resources = {"Parameters": resource("AWS::Redshift::ClusterParameterGroup", parameters)}
    properties: dict[str, Any] = {
        "ClusterIdentifier": names.cluster,
        "ClusterType": "multi-node" if wanted.nodes > 1 else "single-node",
        **({"NumberOfNodes": wanted.nodes} if wanted.nodes > 1 else {}),
        "NodeType": wanted.node_type,
        "DBName": settings.database,
        "MasterUsername": ADMIN,
        "ManageMasterPassword": True,
        "Encrypted": True,
        **_key(config),
        "PubliclyAccessible": False,
        "Port": _PORT,
        "AllowVersionUpgrade": True,
        "AutomatedSnapshotRetentionPeriod": _KEPT_DAYS,
        "ClusterParameterGroupName": ref("Parameters"),
        "IamRoles": [role],
        **({"VpcSecurityGroupIds": groups} if (groups := _groups(settings)) else {}),
        "Tags": name_tags,
    }
    if settings.subnets:
        subnets = {
            "Description": f"Warehouse {settings.name} of rds-lake",
            "SubnetIds": list(settings.subnets),
            "Tags": name_tags,
        }
        resources["Subnets"] = resource("AWS::Redshift::ClusterSubnetGroup", subnets)
        properties["ClusterSubnetGroupName"] = ref("Subnets")
    resources["Cluster"] = resource("AWS::Redshift::Cluster", properties, keep=False)
    return Part(resources=resources)


def _serverless(config: LakeConfig, settings: WarehouseSettings, names: WarehouseNames, role: Any) -> Part:
    wanted, name_tags = settings.serverless or Serverless(), _tags(config, settings)
    namespace = {
        "NamespaceName": names.namespace,
        "AdminUsername": ADMIN,
        "ManageAdminPassword": True,
        "DbName": settings.database,
        "DefaultIamRoleArn": role,
        "IamRoles": [role],
        **_key(config),
        "Tags": name_tags,
    }
    workgroup: dict[str, Any] = {
        "WorkgroupName": names.workgroup,
        "NamespaceName": ref("Namespace"),
        "BaseCapacity": wanted.base_capacity,
        "MaxCapacity": wanted.max_capacity,
        "ConfigParameters": [{"ParameterKey": "require_ssl", "ParameterValue": "true"}],
        "EnhancedVpcRouting": False,
        "PubliclyAccessible": False,
        "Port": _PORT,
        **({"SubnetIds": list(settings.subnets)} if settings.subnets else {}),
        **({"SecurityGroupIds": groups} if (groups := _groups(settings)) else {}),
        "Tags": name_tags,
    }
    return Part(
        resources={
            "Namespace": resource("AWS::RedshiftServerless::Namespace", namespace, keep=False),
            "Workgroup": resource("AWS::RedshiftServerless::Workgroup", workgroup, keep=False),
        }
    )


def _key(config: LakeConfig) -> dict[str, str]:
    """Returns the lake's key. For an alias, which Redshift does not accept, it is empty: Redshift then uses AWS's own key."""
    key = config.lake.kms_key
    return {"KmsKeyId": key} if key is not None and "alias/" not in key else {}


def _tags(config: LakeConfig, settings: WarehouseSettings) -> list[dict[str, str]]:
    return [*tags(config.lake), {"Key": "rds-lake:warehouse", "Value": settings.name}]
