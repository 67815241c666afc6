"""The policy of a request's resource, and the grants of a KMS key, as moto stores them.

Buckets, queues, topics, keys, secrets, and the trust policies of roles. Glue's resource policies are not read.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from rds_lake.localcloud.permissions.callers import Callers, read_policy
from rds_lake.localcloud.permissions.stored import Stored, backend_of
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.policy import Policy, PolicyType


class ResourcePolicies:
    """Looks policies up by the ARN of the resource."""

    def __init__(self, stored: Stored, callers: Callers) -> None:
        self._stored = stored
        self._callers = callers

    def find(self, action: str, resource: str) -> Policy | None:
        """Returns the policy that is evaluated with the principal's; None if the resource has none."""
        service = action.partition(":")[0].lower()
        if service == "sts":
            role = self._callers.role(resource)
            document = role.assume_role_policy_document if role else None
            return read_policy(document, f"trust of {resource}", PolicyType.TRUST) if document else None
        # One policy for all objects of a bucket, named and parsed once.
        owner = resource.partition("/")[0] if service == "s3" else resource
        document = self._document(service, owner)
        return read_policy(document, f"policy of {owner}", PolicyType.RESOURCE) if document else None

    def grants(self, resource: str) -> tuple[Grant, ...]:
        """Returns the grants of a key; none for other resources."""
        key = self._key(resource)
        return tuple(_grant(key.arn, grant) for grant in key.grants.values()) if key else ()

    def _document(self, service: str, resource: str) -> Any:
        if service == "s3":
            bucket = self._stored.bucket(resource.rpartition(":::")[2])
            return bucket.policy if bucket else None
        if service == "sqs" and resource.count(":") == 5:
            queue = self._stored.queue(resource)
            return queue.policy if queue else None
        if service == "sns":
            topic = self._stored.topic(resource)
            return topic.policy if topic else None
        if service == "secretsmanager" and not resource.endswith("*"):
            region = resource.split(":")[3]
            secret: Any = backend_of(secretsmanager_backends, region, self._stored.account).secrets.get(resource)
            return secret.policy if secret else None
        key = self._key(resource) if service == "kms" else None
        return key.policy if key else None

    def _key(self, resource: str) -> Any:
        return self._stored.key(resource) if ":kms:" in resource and ":key/" in resource else None


def _grant(key: str, grant: Any) -> Grant:
    constraints = grant.constraints or {}
    return Grant(
        grant_id=grant.id,
        key=key,
        grantee=grant.grantee_principal,
        operations=frozenset(grant.operations),
        equals=constraints.get("EncryptionContextEquals"),
        subset=constraints.get("EncryptionContextSubset"),
    )
