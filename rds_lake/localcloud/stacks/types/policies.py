"""AWS::IAM: managed policies, and inline policies of roles as resources of their own."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType, document

Json = dict[str, Any]


def _create(call: Call) -> str:
    answer = call.client("iam").create_policy(
        PolicyName=call.name("ManagedPolicyName", limit=128),
        PolicyDocument=document(call.properties["PolicyDocument"]),
        **call.pick("Description", "Path"),
    )
    return answer["Policy"]["Arn"]


def _attach(call: Call) -> None:
    for role in set(call.before.get("Roles", [])) - set(call.properties.get("Roles", [])):
        call.client("iam").detach_role_policy(RoleName=role, PolicyArn=call.physical)
    for role in call.properties.get("Roles", []):
        call.client("iam").attach_role_policy(RoleName=role, PolicyArn=call.physical)


def _update(call: Call) -> None:
    """Create a new default version. The others are deleted, because a policy has at most five."""
    iam, arn = call.client("iam"), call.physical
    if call.changed("PolicyDocument"):
        policy = document(call.properties["PolicyDocument"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy, SetAsDefault=True)
        _delete_old_versions(iam, arn)
    _attach(call)


def _delete_old_versions(iam: Any, arn: str) -> None:
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


def _delete(call: Call) -> None:
    """Detach the policy from the template's roles, and delete it. As in AWS, that fails if others have attached it."""
    iam, arn = call.client("iam"), call.physical
    attached = {role["RoleName"] for role in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]}
    for role in attached & set(call.properties.get("Roles", [])):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    _delete_old_versions(iam, arn)
    iam.delete_policy(PolicyArn=arn)


def _values(call: Call) -> Json:
    policy = call.client("iam").get_policy(PolicyArn=call.physical)["Policy"]
    return {
        "PolicyArn": call.physical,
        "PolicyId": policy["PolicyId"],
        "DefaultVersionId": policy["DefaultVersionId"],
        "AttachmentCount": policy["AttachmentCount"],
    }


def _put_inline(call: Call) -> None:
    name = call.properties["PolicyName"]
    if call.before:
        kept = set(call.properties.get("Roles", [])) if not call.changed("PolicyName") else set()
        _take_from(call, call.before["PolicyName"], set(call.before.get("Roles", [])) - kept)
    for role in call.properties.get("Roles", []):
        policy = document(call.properties["PolicyDocument"])
        call.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


def _delete_inline(call: Call) -> None:
    _take_from(call, call.properties["PolicyName"], set(call.properties.get("Roles", [])))


def _take_from(call: Call, policy: str, roles: set[str]) -> None:
    iam = call.client("iam")
    for role in sorted(roles):
        if policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)


TYPES = (
    ResourceType(
        name="AWS::IAM::ManagedPolicy",
        named="ManagedPolicyName",
        takes=frozenset({"Description", "ManagedPolicyName", "Path", "PolicyDocument", "Roles"}),
        create=_create,
        configure=_attach,
        update=_update,
        delete=_delete,
        attributes=_values,
    ),
    ResourceType(
        name="AWS::IAM::Policy",
        takes=frozenset({"PolicyDocument", "PolicyName", "Roles"}),
        create=lambda call: f"{call.stack}-{call.logical}-{call.suffix(12)}",
        configure=_put_inline,
        delete=_delete_inline,
        attributes=lambda call: {"Id": call.physical},
    ),
)
