"""Rights of IAM and STS, and of CloudFormation's own operations on stacks.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import PARTITION, Call, Need, Rule, both, everything, nothing, pass_role

_ROLE = (
    "CreateRole", "GetRole", "DeleteRole", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies",
    "AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies", "UpdateAssumeRolePolicy", "TagRole", "ListRoleTags",
    "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "ListInstanceProfilesForRole", "UntagRole", "UpdateRole",
)  # fmt: skip
_USER = (
    "CreateUser", "GetUser", "DeleteUser", "PutUserPolicy", "AttachUserPolicy", "CreateAccessKey", "UpdateAccessKey",
    "DeleteAccessKey", "ListAccessKeys", "ListUserPolicies", "GetUserPolicy", "ListAttachedUserPolicies",
    "ListGroupsForUser",
)  # fmt: skip
_POLICY = (
    "CreatePolicy", "GetPolicy", "DeletePolicy", "CreatePolicyVersion", "DeletePolicyVersion", "ListPolicyVersions",
    "ListEntitiesForPolicy", "GetPolicyVersion",
)  # fmt: skip
_PROFILE = ("CreateInstanceProfile", "GetInstanceProfile", "DeleteInstanceProfile", "RemoveRoleFromInstanceProfile")
_STACK = (
    "CreateStack", "UpdateStack", "DeleteStack", "DescribeStacks", "DescribeStackEvents", "DescribeStackResources",
    "DescribeStackResource", "ListStackResources", "GetTemplate", "GetTemplateSummary", "CreateChangeSet",
    "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "UpdateTerminationProtection", "ContinueUpdateRollback",
    "SetStackPolicy", "GetStackPolicy", "CancelUpdateStack",
)  # fmt: skip


def _on_role(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        name = call.params.get("RoleName", "*")
        path = call.params.get("Path", "/")
        arn = call.stored.role_arn(name) if path == "/" else f"arn:{PARTITION}:iam::{call.account}:role{path}{name}"
        keys = {"PermissionsBoundary": "iam:PermissionsBoundary", "PolicyArn": "iam:PolicyARN"}
        context = {name: (call.params[key],) for key, name in keys.items() if key in call.params}
        yield Need(action=action, resource=arn, context=context)

    return rule


def _on_user(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        name = call.params.get("UserName") or "*"
        yield Need(action=action, resource=f"arn:{PARTITION}:iam::{call.account}:user/{name}")

    return rule


def _on_policy(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        named = call.params.get("PolicyArn")
        created = f"arn:{PARTITION}:iam::{call.account}:policy/{call.params.get('PolicyName', '*')}"
        yield Need(action=action, resource=named or created)

    return rule


def _on_profile(action: str) -> Rule:
    """Returns the rule of an action on an instance profile."""

    def rule(call: Call) -> Iterator[Need]:
        name, path = call.params.get("InstanceProfileName", "*"), call.params.get("Path", "/")
        yield Need(action=action, resource=f"arn:{PARTITION}:iam::{call.account}:instance-profile{path}{name}")

    return rule


def _assume(call: Call) -> Iterator[Need]:
    yield Need(
        action="sts:AssumeRole",
        resource=call.params.get("RoleArn", "*"),
        context={
            "sts:RoleSessionName": (call.params.get("RoleSessionName", ""),),
            **({"sts:ExternalId": (call.params["ExternalId"],)} if "ExternalId" in call.params else {}),
        },
    )


def _on_stack(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        name = call.params.get("StackName", "*")
        arn = name if name.startswith("arn:") else call.arn(f"stack/{name}/*")
        yield Need(action=action, resource=arn)

    return rule


IAM: dict[str, Rule] = {
    **{operation: _on_role(f"iam:{operation}") for operation in _ROLE},
    **{operation: _on_user(f"iam:{operation}") for operation in _USER},
    **{operation: _on_policy(f"iam:{operation}") for operation in _POLICY},
    **{operation: _on_profile(f"iam:{operation}") for operation in _PROFILE},
    "AddRoleToInstanceProfile": both(
        _on_profile("iam:AddRoleToInstanceProfile"), pass_role("RoleName", "ec2.amazonaws.com")
    ),
    "ListRoles": everything("iam:ListRoles"),
}
# GetCallerIdentity needs no right, and cannot be denied.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
STS: dict[str, Rule] = {"GetCallerIdentity": nothing, "AssumeRole": _assume}
CLOUDFORMATION: dict[str, Rule] = {
    **{operation: _on_stack(f"cloudformation:{operation}") for operation in _STACK},
    **{
        operation: both(_on_stack(f"cloudformation:{operation}"), pass_role("RoleARN", "cloudformation.amazonaws.com"))
        for operation in ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet")
    },
    "ValidateTemplate": everything("cloudformation:ValidateTemplate"),
    "ListStacks": everything("cloudformation:ListStacks"),
}
