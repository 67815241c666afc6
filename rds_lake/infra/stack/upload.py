"""The template as a call accepts it: its text, or the address of an object if it is too long."""

from __future__ import annotations

import hashlib

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.errors import AwsError, ConfigError
from rds_lake.infra.account import Account
from rds_lake.infra.policy.deployer import TEMPLATES
from rds_lake.infra.template.render import INLINE_BYTES, S3_BYTES, size_note

_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def template_argument(
    text: str, clients: AwsClients, settings: LakeSettings, account: Account, *, bucket: str | None
) -> dict[str, str]:
    """Returns `TemplateBody`, or `TemplateURL` of an object that it uploads. `bucket`: for this object; None: the lake's.

    ConfigError if the template is longer than CloudFormation allows, or the bucket does not exist or belongs to another account.
    """
    size = len(text.encode())
    if size > S3_BYTES:
        raise ConfigError(size_note(text) or "")
    if size <= INLINE_BYTES:
        return {"TemplateBody": text}
    where = bucket or settings.bucket
    _require_own(clients, where, account, size)
    name = f"{TEMPLATES}/{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    key = name if bucket or not settings.prefix else f"{settings.prefix}/{name}"
    with aws_errors("s3", "PutObject", about=f"s3://{where}/{key}"):
        clients.s3.put_object(Bucket=where, Key=key, Body=text.encode(), ExpectedBucketOwner=account.number)
    return {
        "TemplateURL": f"https://{where}.s3.{account.region}.{_SUFFIXES.get(account.partition, 'amazonaws.com')}/{key}"
    }


def _require_own(clients: AwsClients, bucket: str, account: Account, size: int) -> None:
    """ConfigError unless the bucket exists and belongs to this account: its owner would decide what is deployed."""
    try:
        with aws_errors("s3", "HeadBucket", about=bucket):
            clients.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account.number)
    except AwsError as error:
        if error.code not in ("403", "404", "301", "NoSuchBucket", "AccessDenied"):
            raise
        there = (
            "does not exist"
            if error.code in ("404", "NoSuchBucket")
            else "is not in this account and Region, or may not be read"
        )
        raise ConfigError(
            f"the template has {size:,} bytes, and CloudFormation accepts more than {INLINE_BYTES:,} only from S3, but "
            f"bucket {bucket} {there}: name one of account {account.number} in {account.region} with --template-bucket "
            "(rds-lake policy --for deployer takes the same option)"
        ) from error
