"""AWS::KMS: keys and aliases."""

from __future__ import annotations

from rds_lake.localcloud.stacks.types.base import Call, ResourceType, document


def _create(call: Call) -> str:
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in call.tags()]
    answer = call.client("kms").create_key(
        **call.pick("Description", "KeySpec", "KeyUsage", "MultiRegion"), **({"Tags": tags} if tags else {})
    )
    return answer["KeyMetadata"]["KeyId"]


def _configure(call: Call) -> None:
    kms, key = call.client("kms"), call.physical
    if call.changed("KeyPolicy") and "KeyPolicy" in call.properties:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(call.properties["KeyPolicy"]))
    if call.changed("EnableKeyRotation"):
        (kms.enable_key_rotation if call.properties.get("EnableKeyRotation") else kms.disable_key_rotation)(KeyId=key)
    if call.changed("Enabled"):
        (kms.enable_key if call.properties.get("Enabled", True) else kms.disable_key)(KeyId=key)


def _update(call: Call) -> None:
    _configure(call)
    kms, key = call.client("kms"), call.physical
    if call.changed("Description"):
        kms.update_key_description(KeyId=key, Description=call.properties.get("Description", ""))
    if gone := call.tags_gone():
        kms.untag_resource(KeyId=key, TagKeys=gone)
    if call.tags():
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in call.tags()])


def _delete(call: Call) -> None:
    days = call.properties.get("PendingWindowInDays", 30)
    call.client("kms").schedule_key_deletion(KeyId=call.physical, PendingWindowInDays=days)


def _create_alias(call: Call) -> str:
    name = call.properties["AliasName"]
    call.client("kms").create_alias(AliasName=name, TargetKeyId=call.properties["TargetKeyId"])
    return name


TYPES = (
    ResourceType(
        name="AWS::KMS::Key",
        takes=frozenset({
            "Description", "Enabled", "EnableKeyRotation", "KeyPolicy", "KeySpec", "KeyUsage", "MultiRegion",
            "PendingWindowInDays", "Tags",
        }),
        create=_create,
        configure=_configure,
        update=_update,
        delete=_delete,
        attributes=lambda call: {"Arn": call.arn("kms", f"key/{call.physical}"), "KeyId": call.physical},
    ),
    ResourceType(
        name="AWS::KMS::Alias",
        named="AliasName",
        takes=frozenset({"AliasName", "TargetKeyId"}),
        create=_create_alias,
        update=lambda call: call.client("kms").update_alias(AliasName=call.physical, TargetKeyId=call.properties["TargetKeyId"]),
        delete=lambda call: call.client("kms").delete_alias(AliasName=call.physical),
    ),
)  # fmt: skip
