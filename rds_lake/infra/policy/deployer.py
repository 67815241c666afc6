"""The deployer's policy: a person with CloudFormation, or the role that is given to CloudFormation.

CloudFormation creates each resource with the deployer's rights. A type's schema lists the actions that it needs
(`handlers.*.permissions`). Actions that cannot concern this lake are left out: a bucket's handler could also set up S3 Tables.

Nothing here reads a schema: `console/aws_reference.py` does.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.deployed import Deployed, deployed, name_prefix, roles_passed
from rds_lake.infra.policy.document import INLINE_LIMIT, PolicyDocument, Statement, anything, fixed
from rds_lake.infra.policy.lake import key_through_s3
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.streams.capture import PACKAGES, calling_sources
from rds_lake.infra.policy.streams.forwarder import scheduled_sources
from rds_lake.infra.policy.widen import fitted

_STACK = (
    "CreateChangeSet",
    "CreateStack",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "GetTemplateSummary",
    "ListStackResources",
    "UpdateStack",
    "UpdateTerminationProtection",
)
TEMPLATES = "_stacks"  # folder of the lake for templates that are too long for a call
_LEFT_OUT = {
    "iam:PassRole",  # the roles of `roles_passed` alone, each to its service
    "iam:CreateServiceLinkedRole",  # of sessions of Spark and of the first use of AWS Backup in an account
    "glue:CreateConnection",  # of a database that lies in another warehouse
    # What these functions and log groups never have: versions, signed code, scaling, delivery and rules of logs for the account.
    *("lambda:DeleteFunctionCodeSigningConfig", "lambda:PublishVersion", "lambda:PutFunctionScalingConfig"),
    *(
        "logs:CreateLogDelivery",
        "logs:DeleteDataProtectionPolicy",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
    ),
    *("logs:PutBearerTokenAuthentication", "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy"),
    *("logs:PutLogGroupDeletionProtection", "logs:PutResourcePolicy"),
}


class AwsReference(Protocol):
    """AWS's published data about actions and CloudFormation types."""

    def handler_actions(self, type_name: str) -> Sequence[str]:
        """Returns every action that the handlers of a type (`AWS::S3::Bucket`) may call, as written in its schema."""
        ...

    def resources_of(self, action: str) -> Sequence[tuple[str, bool]] | None:
        """Returns the ARN formats that an action is checked on, and whether each is required; None if AWS has no such action."""
        ...


def deployer_policy(
    config: LakeConfig,
    names: Names,
    reference: AwsReference,
    *,
    limit: int = INLINE_LIMIT,
    template_bucket: str | None = None,
) -> PolicyDocument:
    """Returns the permissions to create, update and delete the lake's stack, by default as the only inline policy of a role.

    `template_bucket`: for a template that is too long for a call, before the lake's own bucket exists.
    AWS chooses the ids of keys and backup plans, so actions on them are allowed for all keys and plans of the account.
    """
    everywhere: set[str] = set()
    statements = [*_stack(config, names)]
    for group in deployed(config, names):
        actions: set[str] = set()
        for type_name in group.types:
            scoped, free = _sorted_out(reference, type_name, group)
            actions |= scoped
            everywhere |= free
        statements.append(
            Statement(sid=group.sid, reason=group.reason, actions=tuple(sorted(actions)), resources=group.resources)
        )
    statements += _roles(config, names)
    statements += _uploads(config, names)
    statements += _first_upload(template_bucket, names)
    statements += _looks(config, names)
    statements.append(
        Statement(
            sid="DeployWhatHasNoName",
            reason="Actions for which AWS has no resource: general questions of CloudFormation, and creating unnamed objects.",
            actions=tuple(sorted({"cloudformation:ValidateTemplate", *everywhere})),
            resources=anything(),
        )
    )
    return fitted(statements, limit)


def _sorted_out(reference: AwsReference, type_name: str, group: Deployed) -> tuple[set[str], set[str]]:
    """Returns the type's actions on resources of the group, and those without a resource."""
    scoped: set[str] = set()
    free: set[str] = set()
    for action in {*reference.handler_actions(type_name)} - _LEFT_OUT:
        formats = reference.resources_of(action)
        if formats is None:
            continue  # schemas name actions that IAM never had, such as s3:DeleteBucketCors
        if not formats:
            free.add(action)
        elif _touches(group, action, formats):
            scoped.add(action)
    return scoped, free


def _touches(group: Deployed, action: str, formats: Sequence[tuple[str, bool]]) -> bool:
    """Whether the group has all resources that the action is checked on; of the many types with tags, one is enough."""
    required = [text for text, needed in formats if needed]
    if required and "Tag" not in action:
        return all(_has(group, text) for text in required)
    return any(_has(group, text) for text, _ in formats)


def _has(group: Deployed, arn_format: str) -> bool:
    pattern = re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(arn_format))
    return any(re.fullmatch(pattern, resource.arn) for resource in group.resources)


def _stack(config: LakeConfig, names: Names) -> Iterator[Statement]:
    # The stack's own name follows lake.yaml, whatever the parameter NamePrefix says.
    begins = (name_prefix(config.lake), names.prefix or name_prefix(config.lake))
    yield Statement(
        sid="DeployTheStack",
        reason="Create, update, watch and delete stacks whose name begins with the lake's name prefix.",
        actions=tuple(f"cloudformation:{operation}" for operation in _STACK),
        resources=fixed(*(names.arn("cloudformation", f"stack/{begin}*/*") for begin in dict.fromkeys(begins))),
    )


def _roles(config: LakeConfig, names: Names) -> Iterator[Statement]:
    for sid, service, role in roles_passed(config, names):
        yield Statement(
            sid=sid,
            reason="Pass to the service the role that the stack creates for it.",
            actions=("iam:PassRole",),
            resources=fixed(role),
            conditions={"StringEquals": {"iam:PassedToService": service}},
        )


def _looks(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the questions of `rds-lake setup` about existing objects, in addition to CloudFormation's."""
    lake = config.lake
    named = [
        arn.rpartition("/")[2] for arn in (lake.export_role, lake.glue_role) if arn and "/" in arn.partition("/")[2]
    ]
    if named:
        yield Statement(
            sid="LookForRoles",
            reason="Check whether roles exist: for a role that does not exist, IAM checks the name without the path.",
            actions=("iam:GetRole",),
            resources=fixed(*(f"arn:{names.partition}:iam::{names.account}:role/{name}" for name in named)),
        )


def _uploads(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the uploads of `rds-lake setup` to the lake. CloudFormation reads the template there with the deployer's rights."""
    lake = config.lake
    folders = [TEMPLATES]
    folders += ["_jobs"] if config.has_glue_job else []
    folders += [PACKAGES] if calling_sources(config) or scheduled_sources(config) else []
    files = ["/".join(part for part in (lake.prefix, folder) if part) for folder in folders]
    yield Statement(
        sid="UploadFiles",
        reason="Write the Glue job's script, the function's package, and a template that is too long for a call into the lake.",
        actions=("s3:GetObject", "s3:PutObject"),
        resources=fixed(*(names.objects(lake.bucket, file) for file in files)),
    )
    yield from key_through_s3(lake, names)


def _first_upload(bucket: str | None, names: Names) -> Iterator[Statement]:
    """Returns the calls of `rds-lake setup --template-bucket`: it checks the bucket's owner, and uploads the template."""
    if bucket is None:
        return
    yield Statement(
        sid="FindTheTemplatesBucket",
        reason="Check that the bucket for the template belongs to this account.",
        actions=("s3:ListBucket",),
        resources=fixed(names.bucket(bucket)),
    )
    yield Statement(
        sid="UploadTheTemplate",
        reason="Write a template that is too long for a call, and let CloudFormation read it.",
        actions=("s3:GetObject", "s3:PutObject"),
        resources=fixed(names.objects(bucket, TEMPLATES)),
    )
