"""Existing buckets: their account, their Region, and whether they send events of new objects."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError
from rds_lake.infra.events import input_folders
from rds_lake.infra.existing.look import Found, Look, Say, plain

_MISSING = ("404", "NoSuchBucket", "NotFound")
_REFUSED = ("403", "AccessDenied", "Forbidden")


def buckets(look: Look) -> Iterator[Found]:
    """Find the lake's bucket, and the exports' bucket if it is another one."""
    lake = look.config.lake
    yield from _bucket(look, "Bucket", lake.bucket)
    yield from _bucket(look, "ExportBucket", lake.exports_bucket)


def _bucket(look: Look, parameter: str, name: str) -> Iterator[Found]:
    if not look.wants(parameter, f"{parameter}Itself") or not _is_there(look, name):
        return
    has_input = look.config.has_dynamodb and name == look.config.lake.exports_bucket
    has_input = has_input or any(folder.startswith(f"s3://{name}/") for folder in input_folders(look.config))
    yield Found(
        parameter=parameter,
        said=f"bucket {name} exists: it is used, and its settings stay as they are",
        before=partial(_tell_of_objects, look, name) if has_input else None,
    )


def _is_there(look: Look, name: str) -> bool:
    """Whether this account has the bucket in this Region; a bucket of another account or Region is a problem.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    here = f"account {look.account.number}, Region {look.account.region}"
    try:
        with aws_errors("s3", "HeadBucket", about=name):
            answer: Any = look.clients.s3.head_bucket(Bucket=name, ExpectedBucketOwner=look.account.number)
    except AwsError as error:
        if error.code in _MISSING:
            return False
        if error.code not in _REFUSED and not error.code.startswith("30"):
            raise
        look.problems.append(
            f"bucket {name} exists, but belongs to another account than {here}, or may not be read with these credentials: choose "
            "another name in lake.yaml, or let these credentials list it (s3:ListBucket)"
        )
        return False
    headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
    region = answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or look.account.region
    if region != look.account.region:
        look.problems.append(
            f"bucket {name} is in Region {region}, and these credentials and lake.yaml are of {here}: AWS writes an "
            "export only to a bucket of the same Region. Choose another bucket, or set `region:` in lake.yaml"
        )
        return False
    return True


def _tell_of_objects(look: Look, bucket: str, say: Say) -> None:
    """Make S3 send events of new objects to EventBridge; the bucket's other notifications are kept."""
    s3 = look.clients.s3
    with aws_errors("s3", "GetBucketNotificationConfiguration", about=bucket):
        present = plain(s3.get_bucket_notification_configuration(Bucket=bucket))
    if "EventBridgeConfiguration" in present:
        return
    wanted: Any = present | {"EventBridgeConfiguration": {}}
    with aws_errors("s3", "PutBucketNotificationConfiguration", about=bucket):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    say(
        f"  added: bucket {bucket} sends events of its objects to EventBridge from now on; its other notifications stay"
    )
