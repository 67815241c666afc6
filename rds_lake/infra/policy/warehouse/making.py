"""The pipeline's permissions to create and remove warehouses: CloudFormation uses the pipeline's own rights.

They cover only names that these warehouses have (`model/warehouse/names.py`), as far as IAM knows names.
https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.infra.policy.document import Resource, Statement, anything, fixed
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.warehouse.role import redshift_services
from rds_lake.infra.policy.warehouse.running import data_api, key_by_alias, results
from rds_lake.model.warehouse.names import stem_of


def warehouse_statements(
    config: LakeConfig, warehouses: Sequence[WarehouseSettings], names: Names
) -> Iterator[Statement]:
    """Returns the permissions for all warehouses of lake.yaml together; empty without warehouses."""
    if not warehouses:
        return
    made = [settings for settings in warehouses if settings.mode != "existing"]
    yield from data_api(warehouses, names)
    yield from results(config, warehouses, names)
    yield from key_by_alias(config, names)
    if made:
        yield from _stacks(made, names)
        yield from _clusters([each for each in made if each.mode == "cluster"], names)
        yield from _serverless([each for each in made if each.mode == "serverless"], names)
        yield from _roles(made, names)


def _stacks(made: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Long: statements of a policy, one after the other."""
    yield Statement(
        sid="HaveStacks",
        reason="Create, follow and delete the warehouses' stacks.",
        actions=(
            "cloudformation:CreateStack",
            "cloudformation:DeleteStack",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:ListStackResources",
            "cloudformation:UpdateStack",
        ),
        resources=_named(names, "cloudformation", "stack/", made, "-*/*"),
    )
    yield Statement(
        sid="FindStacks",
        reason="List the names of stacks, to find one that no lease names any more. IAM has no resource for this action.",
        actions=("cloudformation:ListStacks",),
        resources=anything(),
    )
    yield Statement(
        sid="HaveAdminSecrets",
        reason="Redshift creates the admin's secret with the pipeline's rights; the pipeline checks later that it is gone.",
        actions=(
            "secretsmanager:CreateSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:RotateSecret",
            "secretsmanager:TagResource",
        ),
        resources=fixed(*(names.arn("secretsmanager", f"secret:redshift!{stem_of(each.name)}-*") for each in made)),
    )
    if any(each.vpc and not each.security_groups for each in made):
        yield Statement(
            sid="HaveSecurityGroups",
            reason="Create and delete the security group of a warehouse. AWS chooses its id.",
            actions=("ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:DeleteSecurityGroup"),
            resources=fixed(
                names.arn("ec2", "security-group/*"),
                *(names.arn("ec2", f"vpc/{each.vpc}") for each in made if each.vpc),
            ),
        )
    yield Statement(
        sid="LookAtNetworks",
        reason="Redshift looks up a warehouse's subnets and groups with the pipeline's rights. IAM has no resource for this action.",
        actions=(
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAddresses",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        resources=anything(),
    )


def _clusters(made: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Long: statements of a policy, one after the other."""
    if not made:
        return
    yield Statement(
        sid="HaveClusters",
        reason="Create, change, resume and delete the warehouses' clusters, with their groups and snapshots.",
        actions=(
            "redshift:CreateCluster",
            "redshift:CreateClusterParameterGroup",
            "redshift:CreateClusterSubnetGroup",
            "redshift:CreateTags",
            "redshift:DeleteCluster",
            "redshift:DeleteClusterParameterGroup",
            "redshift:DeleteClusterSnapshot",
            "redshift:DeleteClusterSubnetGroup",
            "redshift:DeleteTags",
            "redshift:DescribeClusterParameters",
            "redshift:DescribeLoggingStatus",
            "redshift:DescribeTags",
            "redshift:ModifyCluster",
            "redshift:ModifyClusterIamRoles",
            "redshift:ModifyClusterParameterGroup",
            "redshift:ModifyClusterSubnetGroup",
            "redshift:ResumeCluster",
        ),
        resources=(
            *_named(names, "redshift", "cluster:", made, "-*"),
            *_named(names, "redshift", "parametergroup:", made, "-*"),
            *_named(names, "redshift", "snapshot:", made, "-*/*"),
            *_named(names, "redshift", "subnetgroup:", made, "-*"),
        ),
    )
    yield Statement(
        sid="LookAtClusters",
        reason="Check whether clusters, snapshots and groups exist. These actions list all of them.",
        actions=(
            "redshift:DescribeClusterParameterGroups",
            "redshift:DescribeClusterSnapshots",
            "redshift:DescribeClusterSubnetGroups",
            "redshift:DescribeClusters",
        ),
        resources=anything(),
    )


def _serverless(made: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Long: statements of a policy, one after the other."""
    if not made:
        return
    yield Statement(
        sid="HaveWorkgroups",
        reason="Create, change and delete the warehouses' namespaces and workgroups. IAM knows them by ids that AWS chooses.",
        actions=(
            "redshift-serverless:CreateNamespace",
            "redshift-serverless:CreateWorkgroup",
            "redshift-serverless:DeleteNamespace",
            "redshift-serverless:DeleteSnapshot",
            "redshift-serverless:DeleteWorkgroup",
            "redshift-serverless:GetNamespace",
            "redshift-serverless:GetWorkgroup",
            "redshift-serverless:ListSnapshots",
            "redshift-serverless:ListTagsForResource",
            "redshift-serverless:TagResource",
            "redshift-serverless:UpdateNamespace",
            "redshift-serverless:UpdateWorkgroup",
        ),
        resources=fixed(
            *(names.arn("redshift-serverless", f"{kind}/*") for kind in ("namespace", "snapshot", "workgroup"))
        ),
    )
    if any(each.serverless and each.serverless.usage_limit for each in made):
        yield Statement(
            sid="LimitUsage",
            reason="Set the usage limit of a workgroup. IAM has no resource for this action.",
            actions=(
                "redshift-serverless:CreateUsageLimit",
                "redshift-serverless:ListUsageLimits",
                "redshift-serverless:UpdateUsageLimit",
            ),
            resources=anything(),
        )


def _roles(made: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Long: statements of a policy, one after the other."""
    given = [each for each in made if each.role]
    own = [each for each in made if not each.role]
    passed = [str(each.role) for each in given] + [_role(names, each) for each in own]
    services = tuple(dict.fromkeys(service for each in made for service in redshift_services(each)))
    yield Statement(
        sid="PassRolesToRedshift",
        reason="Pass to a warehouse the role with which it reads and writes S3.",
        actions=("iam:PassRole",),
        resources=fixed(*dict.fromkeys(passed)),
        conditions={"StringEquals": {"iam:PassedToService": services}},
    )
    if own:
        yield Statement(
            sid="HaveRolesOfRedshift",
            reason="Create and delete the roles of warehouses without `role:` in lake.yaml.",
            actions=(
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
                "iam:PutRolePolicy",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
            ),
            resources=fixed(*(_role(names, each) for each in own)),
        )


def _named(names: Names, service: str, kind: str, made: Sequence[WarehouseSettings], rest: str) -> tuple[Resource, ...]:
    return fixed(*(names.arn(service, f"{kind}{stem_of(each.name)}{rest}") for each in made))


def _role(names: Names, settings: WarehouseSettings) -> str:
    return f"arn:{names.partition}:iam::{names.account}:role/{stem_of(settings.name)}-*"
