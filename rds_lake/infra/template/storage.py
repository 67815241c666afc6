"""The lake's bucket, and the exports' bucket if it is another one.

An existing bucket is not changed: its policy is not replaced, and notifications are only added
(`infra/existing/buckets.py`).
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import input_folders
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import equals
from rds_lake.infra.template.parts import (
    Part,
    bucket_arn,
    document,
    joined,
    new_or_existing,
    only_by_tls,
    ref,
    resource,
    tags,
)

# A relocation's multipart copy lasts minutes; what a killed one left behind is paid until it is aborted.
_LEFTOVER_DAYS = 7


def storage(config: LakeConfig) -> Part:
    """One bucket or two. A bucket of another account (`export_bucket_owner`) is not created here."""
    settings = config.lake
    every = [_bucket(config, "Bucket", settings.bucket, "the lake's bucket")]
    if settings.exports_bucket != settings.bucket and settings.export_bucket_owner is None:
        every.append(_bucket(config, "ExportBucket", settings.exports_bucket, "the bucket of the exports"))
    return joined(every)


def _bucket(config: LakeConfig, name: str, bucket: str, what: str) -> Part:
    condition, logical = f"New{name}", f"{name}Itself"
    return Part(
        parameters={name: new_or_existing(f"new: create {what}, {bucket}. existing: it exists, and is not changed.")},
        conditions={condition: equals(name, "new")},
        resources={
            logical: resource("AWS::S3::Bucket", _properties(config, bucket), condition=condition, keep=True),
            f"{name}Policy": resource(
                "AWS::S3::BucketPolicy",
                {
                    "Bucket": ref(logical),
                    "PolicyDocument": document(
                        only_by_tls("s3:*", [bucket_arn(bucket), bucket_arn(bucket, "/*")]),
                    ),
                },
                condition=condition,
                keep=True,
            ),
        },
    )


def _properties(config: LakeConfig, bucket: str) -> dict[str, Any]:
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    leftovers = {
        "Id": "leftovers-of-multipart-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _LEFTOVER_DAYS},
    }
    # S3 reports only new exports; that is on for databases, too, so that a source of DynamoDB may be added later.
    # JSON files of warehouses may arrive in it as well, beside the lake.
    sends_events = bucket == config.lake.exports_bucket or any(
        folder.startswith(f"s3://{bucket}/") for folder in input_folders(config)
    )
    to_events = {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}
    return {
        "BucketName": bucket,
        "PublicAccessBlockConfiguration": dict.fromkeys(blocked, True),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [_encryption(config)]},
        "LifecycleConfiguration": {"Rules": [leftovers]},
        **(to_events if sends_events else {}),
        "Tags": tags(config.lake),
    }


def _encryption(config: LakeConfig) -> dict[str, Any]:
    key = key_arn(config)
    if key is None:
        return {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    # One data key for many objects: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
