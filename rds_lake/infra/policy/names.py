"""ARNs of the objects of lake.yaml, in an account and Region that may be parameters of a template.

What belongs here: the form of each ARN. https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.infra.policy.document import Condition, Resource, fixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Partition, Region and account of the ARNs: `aws`, `us-east-1`, `111122223333`, or `${AWS::Partition}` and so on.

    The other ARNs are for a template that creates the key, roles or topic itself (`${Key.Arn}`): each replaces the value in
    lake.yaml. `prefix`: the template's parameter NamePrefix, if the deployer gives another one than the default.
    """

    partition: str
    region: str
    account: str
    key_arn: str | None = None
    export_role_arn: str | None = None
    glue_role_arn: str | None = None
    topic_arn: str | None = None
    prefix: str | None = None

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of an object in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def named(self, service: str, stem: str, names: Sequence[str]) -> tuple[Resource, ...]:
        """Returns objects of one kind by name: `named("rds", "db:", ["shop-prod"])`."""
        return tuple(Resource(stem=self.arn(service, stem), name=name) for name in dict.fromkeys(names))

    def bucket(self, name: str) -> str:
        """Returns the ARN of a bucket, which has neither Region nor account."""
        return f"arn:{self.partition}:s3:::{name}"

    def objects(self, bucket: str, prefix: str) -> str:
        """Returns the pattern of all objects below a prefix; of the whole bucket if it is empty."""
        return f"{self.bucket(bucket)}/{prefix}/*" if prefix else f"{self.bucket(bucket)}/*"

    def via(self, *services: str) -> Condition:
        """Returns the condition that one of these services calls KMS for the caller.

        In China some services are called amazonaws.com and others amazonaws.com.cn, hence the pattern.
        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        """
        return {"StringLike": {"kms:ViaService": tuple(f"{name}.{self.region}.amazonaws.com*" for name in services)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The lake's KMS key in a statement."""

    resources: tuple[Resource, ...]
    condition: Condition


def find_key(settings: LakeSettings, names: Names) -> Key | None:
    """Returns the lake's key; None if it has none.

    An alias is not a resource of these actions: a statement with an alias' ARN allows nothing. So it is a condition on the key.
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    if settings.kms_key is None:
        return None
    known = names.key_arn or settings.kms_key
    if match := re.fullmatch(r"(arn:.*:)?alias/(.+)", known):
        owner, alias = match.groups()
        keys = f"{owner}key/*" if owner else names.arn("kms", "key/*")
        return Key(
            resources=fixed(keys), condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias}"}}
        )
    arn = known if known.startswith(("arn:", "${")) else names.arn("kms", f"key/{known}")
    return Key(resources=fixed(arn), condition={})


def listing(*prefixes: str) -> Condition:
    """Returns the condition that only keys below these prefixes are listed; no condition if one is the whole bucket.

    S3 answers 404 for a missing object only to a caller who may list the bucket, else 403. That check has no prefix,
    hence `IfExists`. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    if not all(prefixes):
        return {}
    return {"StringLikeIfExists": {"s3:prefix": tuple(f"{prefix}/*" for prefix in dict.fromkeys(prefixes))}}
