"""AWS::S3: buckets and their policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, HandlerError, ResourceType, document, suffix_of

Json = dict[str, Any]
# Functions that set and remove a property.
_Setting = tuple[Callable[[Any, str, Any], Any], Callable[[Any, str], Any]]


def _create(call: Call) -> str:
    name = call.name("BucketName", limit=63, lower=True)
    place = {} if call.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": call.region}}
    call.client("s3").create_bucket(Bucket=name, **place)
    return name


def _configure(call: Call) -> None:
    for key, (put, remove) in _SETTINGS.items():
        if call.changed(key):
            if key in call.properties:
                put(call.client("s3"), call.physical, call.properties[key])
            else:
                remove(call.client("s3"), call.physical)


def _encryption(s3: Any, bucket: str, given: Json) -> None:
    rules = [
        _renamed(rule, {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"})
        for rule in given["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _notifications(s3: Any, bucket: str, given: Json) -> None:
    if unknown := sorted(set(given) - {"EventBridgeConfiguration"}):
        raise HandlerError(
            f"{', '.join(unknown)} of a bucket's NotificationConfiguration: only EventBridgeConfiguration is supported here"
        )
    enabled = given.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", True)
    configuration = {"EventBridgeConfiguration": {}} if enabled else {}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def _no_notifications(s3: Any, bucket: str) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def _lifecycle(s3: Any, bucket: str, given: Json) -> None:
    rules = [_rule(rule) for rule in given["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _rule(given: Json) -> Json:
    """Returns S3's form of a lifecycle rule, in which some of CloudFormation's names are nested."""
    rule = _renamed(given, {"Id": "ID"})
    rule["Filter"] = {"Prefix": rule.pop("Prefix", "")}
    for flat, (outer, inner) in {
        "ExpirationInDays": ("Expiration", "Days"),
        "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    }.items():
        if flat in rule:
            rule[outer] = {inner: rule.pop(flat)}
    if "ExpiredObjectDeleteMarker" in rule:
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": rule.pop("ExpiredObjectDeleteMarker")}
    if "Transitions" in rule:
        rule["Transitions"] = [_renamed(item, {"TransitionInDays": "Days"}) for item in rule["Transitions"]]
    return rule


def _renamed(given: Json, names: dict[str, str]) -> Json:
    return {names.get(key, key): value for key, value in given.items()}


def _tags(s3: Any, bucket: str, given: list[Json]) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": given})


_SETTINGS: dict[str, _Setting] = {
    "PublicAccessBlockConfiguration": (
        lambda s3, bucket, given: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=given),
        lambda s3, bucket: s3.delete_public_access_block(Bucket=bucket),
    ),
    "BucketEncryption": (_encryption, lambda s3, bucket: s3.delete_bucket_encryption(Bucket=bucket)),
    "NotificationConfiguration": (_notifications, _no_notifications),
    "LifecycleConfiguration": (_lifecycle, lambda s3, bucket: s3.delete_bucket_lifecycle(Bucket=bucket)),
    "VersioningConfiguration": (
        lambda s3, bucket, given: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=given),
        lambda s3, bucket: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
    ),
    "OwnershipControls": (
        lambda s3, bucket, given: s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=given),
        lambda s3, bucket: s3.delete_bucket_ownership_controls(Bucket=bucket),
    ),
    "Tags": (_tags, lambda s3, bucket: s3.delete_bucket_tagging(Bucket=bucket)),
}  # fmt: skip


def _delete(call: Call) -> None:
    call.client("s3").delete_bucket(Bucket=call.physical)


def _values(call: Call) -> Json:
    name, region, domain = call.physical, call.region, suffix_of(call.region)
    return {
        "Arn": f"arn:{call.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.{domain}",
        "RegionalDomainName": f"{name}.s3.{region}.{domain}",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.{domain}",
    }


def _set_policy(call: Call) -> None:
    call.client("s3").put_bucket_policy(
        Bucket=call.properties["Bucket"], Policy=document(call.properties["PolicyDocument"])
    )


TYPES = (
    ResourceType(
        name="AWS::S3::Bucket",
        named="BucketName",
        takes=frozenset(_SETTINGS) | {"BucketName"},
        create=_create,
        configure=_configure,
        delete=_delete,
        attributes=_values,
    ),
    ResourceType(
        name="AWS::S3::BucketPolicy",
        takes=frozenset({"Bucket", "PolicyDocument"}),
        create=lambda call: call.properties["Bucket"],
        configure=_set_policy,
        delete=lambda call: call.client("s3").delete_bucket_policy(Bucket=call.properties["Bucket"]),
    ),
)
