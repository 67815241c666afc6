"""Data in moto that rights depend on: ARNs of names, keys of encrypted objects, policies of resources.

It is read from moto's memory, without a request, because a gate needs it for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from moto.core.base_backend import BackendDict, BaseBackend
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from rds_lake.localcloud.http.account import ACCOUNT, REGION

PARTITION = "aws"
_KMS = "aws:kms"
# The policy of a key that AWS manages allows every caller of its service, and cannot be changed.
_MANAGED = "alias/aws/"
_Backend = TypeVar("_Backend", bound=BaseBackend)


def backend_of(backends: BackendDict[_Backend], region: str, account: str = ACCOUNT) -> _Backend:
    """Returns moto's memory of one service in one Region (of a global service: the partition).

    `backends[account][region]` takes a lock and compares all services, which costs more than a decision, so it is used only for
    backends that do not exist yet.
    """
    regions = backends.get(account)
    backend = regions.get(region) if regions is not None else None
    return backend if backend is not None else backends[account][region]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query execution: its workgroup, and the location of its results (`s3://…`)."""

    workgroup: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An existing object. `key`: the ARN of the account's own KMS key that encrypts it, None without one."""

    key: str | None


def _no_query(query_id: str) -> Query | None:
    return None


def _no_workgroup(region: str, name: str) -> str | None:
    return None


def _no_statement(identity: str) -> str | None:
    return None


def _no_session(identity: str) -> Mapping[str, str]:
    return {}


@dataclass(slots=True)
class Stored:
    """Reads from moto. `query` is Athena's, and `workgroup_arn`, `statement_owner` (its `aws:userid`) and `session_place`
    (the parameters that name its warehouse) are Redshift's, whose state is not in moto.
    """

    account: str = ACCOUNT
    query: Callable[[str], Query | None] = field(default=_no_query)
    workgroup_arn: Callable[[str, str], str | None] = field(default=_no_workgroup)
    statement_owner: Callable[[str], str | None] = field(default=_no_statement)
    session_place: Callable[[str], Mapping[str, str]] = field(default=_no_session)

    def role_arn(self, name: str) -> str:
        """Returns a role's ARN with its path; for an unknown role the ARN without a path."""
        for role in backend_of(iam_backends, PARTITION, self.account).roles.values():
            if role.name == name:
                return role.arn
        return f"arn:{PARTITION}:iam::{self.account}:role/{name}"

    def key_arn(self, name: str | None, region: str) -> str | None:
        """Returns the ARN of the key of an id, alias or ARN; None if it does not exist, or if AWS manages it."""
        if not name or name.partition(":alias/")[2].startswith("aws/") or name.startswith(_MANAGED):
            return None
        if name.startswith("arn:"):
            region = name.split(":")[3]
        backend = backend_of(kms_backends, region, self.account)
        if ":alias/" in name or name.startswith("alias/"):
            alias = "alias/" + name.rpartition("alias/")[2]
            return next((key.arn for key in backend.keys.values() if alias in key.aliases), None)
        key = backend.keys.get(name.rpartition("key/")[2] or name)
        return key.arn if key else None

    def secret_arn(self, name: str, region: str) -> str:
        """Returns a secret's ARN with the characters that AWS added to its name."""
        if name.startswith("arn:"):
            return name
        secret = backend_of(secretsmanager_backends, region, self.account).secrets.get(name)
        return secret.arn if secret else f"arn:{PARTITION}:secretsmanager:{region}:{self.account}:secret:{name}-*"

    def has_bucket(self, bucket: str) -> bool:
        return bucket in self._buckets

    def object(self, bucket: str, key: str) -> StoredObject | None:
        """Returns the object; None if it does not exist."""
        known = self._buckets.get(bucket)
        stored = known.keys.get(key) if known else None
        if stored is None:
            return None
        kms = stored.kms_key_id if stored.encryption == _KMS else None
        return StoredObject(key=self.key_arn(kms, REGION))

    def encrypting_key(self, headers: Mapping[str, str], bucket: str, region: str) -> str | None:
        """Returns the account's own key that encrypts a write with these headers: theirs, or the bucket's."""
        encryption = headers.get("x-amz-server-side-encryption")
        named = headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        known = self._buckets.get(bucket)
        if encryption is None and known is not None and known.encryption:
            default = known.encryption["Rule"]["ApplyServerSideEncryptionByDefault"]
            encryption, named = default.get("SSEAlgorithm"), named or default.get("KMSMasterKeyID")
        return self.key_arn(named, region) if encryption == _KMS else None

    def upload_key(self, bucket: str, upload: str, region: str) -> str | None:
        """Returns the account's own key that encrypts a multipart upload."""
        known = self._buckets.get(bucket)
        parts = known.multiparts.get(upload) if known else None
        if parts is None:
            return None
        named = {"x-amz-server-side-encryption": parts.sse_encryption} if parts.sse_encryption else {}
        key = {"x-amz-server-side-encryption-aws-kms-key-id": parts.kms_key_id} if parts.kms_key_id else {}
        return self.encrypting_key(named | key, bucket, region)

    def queue_key(self, arn: str) -> str | None:
        """Returns the account's own key that encrypts a queue's messages."""
        queue = self.queue(arn)
        return self.key_arn(queue.kms_master_key_id, arn.split(":")[3]) if queue else None

    def topic_key(self, arn: str) -> str | None:
        """Returns the account's own key that encrypts a topic's messages."""
        topic = self.topic(arn)
        return self.key_arn(topic.kms_master_key_id, arn.split(":")[3]) if topic else None

    def queue(self, arn: str) -> Any:
        """Returns moto's queue; None if it does not exist."""
        _, _, _, region, account, name = arn.split(":", 5)
        return backend_of(sqs_backends, region, account).queues.get(name) if region != "*" else None

    def topic(self, arn: str) -> Any:
        """Returns moto's topic; None if it does not exist."""
        region = (arn.split(":") + [""] * 4)[3]
        return backend_of(sns_backends, region, self.account).topics.get(arn) if region else None

    def key(self, arn: str) -> Any:
        """Returns moto's key; None if it does not exist."""
        return backend_of(kms_backends, arn.split(":")[3], self.account).keys.get(arn.rpartition("/")[2])

    def aliases(self, arn: str) -> tuple[str, ...]:
        """Returns the aliases of a key: `alias/…`, sorted."""
        key = self.key(arn)
        return tuple(sorted(key.aliases)) if key else ()

    def bucket(self, name: str) -> Any:
        """Returns moto's bucket; None if it does not exist."""
        return self._buckets.get(name)

    @property
    def _buckets(self) -> dict[str, Any]:
        return backend_of(s3_backends, PARTITION, self.account).buckets
