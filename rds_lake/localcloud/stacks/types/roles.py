"""AWS::IAM: roles and instance profiles."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType, document

Json = dict[str, Any]


def _create(call: Call) -> str:
    name = call.name("RoleName")
    trust = document(call.properties["AssumeRolePolicyDocument"])
    given = call.pick("Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags")
    call.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **given)
    return name


def _configure(call: Call) -> None:
    """Attach managed policies and write inline policies; remove those that the template no longer has."""
    iam, role = call.client("iam"), call.physical
    wanted, had = (set(properties.get("ManagedPolicyArns", [])) for properties in (call.properties, call.before))
    for arn in sorted(had - wanted):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(wanted - had):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    inline = _inline(call.properties)
    for name in set(_inline(call.before)) - set(inline):
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for name, policy in inline.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(policy))


def _inline(properties: Json) -> Json:
    return {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}


def _update(call: Call) -> None:
    iam, role = call.client("iam"), call.physical
    if call.changed("AssumeRolePolicyDocument"):
        trust = document(call.properties["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    if call.changed("Description") or call.changed("MaxSessionDuration"):
        session = call.properties.get("MaxSessionDuration", 3600)
        iam.update_role(RoleName=role, Description=call.properties.get("Description", ""), MaxSessionDuration=session)
    if call.changed("PermissionsBoundary"):
        if boundary := call.properties.get("PermissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=role)
    if gone := call.tags_gone():
        iam.untag_role(RoleName=role, TagKeys=gone)
    if call.tags():
        iam.tag_role(RoleName=role, Tags=call.tags())
    _configure(call)


def _delete(call: Call) -> None:
    """Delete the role with its own policies. As in AWS, that fails if others have attached policies."""
    iam, role = call.client("iam"), call.physical
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
    for arn in attached & set(call.properties.get("ManagedPolicyArns", [])):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for name in set(iam.list_role_policies(RoleName=role)["PolicyNames"]) & set(_inline(call.properties)):
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.delete_role(RoleName=role)


def _values(call: Call) -> Json:
    role = call.client("iam").get_role(RoleName=call.physical)["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


def _create_profile(call: Call) -> str:
    name = call.name("InstanceProfileName", limit=128)
    call.client("iam").create_instance_profile(InstanceProfileName=name, **call.pick("Path"))
    return name


def _set_roles(call: Call) -> None:
    iam, profile = call.client("iam"), call.physical
    for role in call.before.get("Roles", []):
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    for role in call.properties["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)


def _delete_profile(call: Call) -> None:
    iam, profile = call.client("iam"), call.physical
    for role in iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=profile)


def _profile_values(call: Call) -> Json:
    profile = call.client("iam").get_instance_profile(InstanceProfileName=call.physical)
    return {"Arn": profile["InstanceProfile"]["Arn"]}


TYPES = (
    ResourceType(
        name="AWS::IAM::Role",
        named="RoleName",
        takes=frozenset({
            "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path",
            "PermissionsBoundary", "Policies", "RoleName", "Tags",
        }),
        create=_create,
        configure=_configure,
        update=_update,
        delete=_delete,
        attributes=_values,
    ),
    ResourceType(
        name="AWS::IAM::InstanceProfile",
        named="InstanceProfileName",
        takes=frozenset({"InstanceProfileName", "Path", "Roles"}),
        create=_create_profile,
        configure=_set_roles,
        delete=_delete_profile,
        attributes=_profile_values,
    ),
)  # fmt: skip
