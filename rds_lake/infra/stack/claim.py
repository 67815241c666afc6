"""Records which lake a bucket's prefix belongs to: the first `rds-lake setup` writes it there, and a second lake is refused.

Two lakes in one place with a source of the same name would mistake each other's dates for their own earlier exports, and
delete them. A lake is identified by its events queue, which no two lakes share. The databases of its sources may change.
"""

from __future__ import annotations

import json
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.errors import AwsError, ConfigError, ConflictError, UnavailableError
from rds_lake.infra.account import Account
from rds_lake.infra.policy.deployer import TEMPLATES

_OWNER = "_lake.json"
_MISSING = ("NoSuchBucket", "404")
_REFUSED = ("AccessDenied", "403")


def claim(clients: AwsClients, settings: LakeSettings, account: Account) -> bool:
    """Record in the bucket that its prefix belongs to this lake; returns False if the bucket does not exist yet.

    ConfigError if the prefix belongs to another lake, or the bucket to another account. It writes before it reads: without the
    right to list the bucket, S3 does not distinguish a missing object from a forbidden one.
    """
    bucket, key = settings.bucket, "/".join(part for part in (settings.prefix, TEMPLATES, _OWNER) if part)
    body = json.dumps({"version": 1, "events_queue": settings.events_queue}).encode()
    expected: dict[str, Any] = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": account.number}
    try:
        with aws_errors("s3", "PutObject", about=f"s3://{bucket}/{key}"):
            clients.s3.put_object(**expected, Body=body, IfNoneMatch="*")
    except ConflictError:
        _require_own(clients, settings, expected)
    except AwsError as error:
        if error.code in _MISSING:
            return False
        if error.code in _REFUSED:
            raise ConfigError(
                f"s3://{bucket}/{key} may not be written: the bucket belongs to another account than {account.number}, or these "
                f"credentials lack a right. Choose another `bucket:` in lake.yaml, or give them the right: {error}"
            ) from error
        raise
    return True


def _require_own(clients: AwsClients, settings: LakeSettings, place: dict[str, Any]) -> None:
    where = f"s3://{place['Bucket']}/{place['Key']}"
    try:
        with aws_errors("s3", "GetObject", about=where):
            text = clients.s3.get_object(**place)["Body"].read().decode(errors="replace")
    except AwsError as error:
        if error.code != "NoSuchKey":
            raise
        raise UnavailableError(
            f"another command is writing {where}, which records the lake that the prefix belongs to; repeat the command"
        ) from error
    owner = _queue_in(text)
    if owner == settings.events_queue:
        return
    root = where.removesuffix(f"{TEMPLATES}/{_OWNER}")
    raise ConfigError(
        f"{root} belongs to another lake, with events_queue {owner or 'not readable'}; nothing was changed. Give this "
        f"lake another `prefix:` in lake.yaml. If it is the same lake and its queue was renamed, delete {where}, then "
        "repeat"
    )


def _queue_in(text: str) -> str | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    queue = record.get("events_queue") if isinstance(record, dict) else None
    return queue if isinstance(queue, str) else None
