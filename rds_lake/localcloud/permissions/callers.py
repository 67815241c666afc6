"""Who calls: the user or the role's session behind an access key, with all its policies as moto's IAM keeps them now.

A key that moto's IAM and STS have never known is like the account's root user: everything passes.

Policies are read from moto's memory for each request, so that a change counts at once; a text is parsed once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.permissions.stored import PARTITION
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal

ROOT = Principal(arn=f"arn:{PARTITION}:iam::{ACCOUNT}:root", account=ACCOUNT)


class BadKeyError(Exception):
    """An access key that AWS does not take: disabled, deleted or expired."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("the security token is expired" if expired else "the access key is not active")
        self.expired = expired


class Callers:
    """Principals by access key. Every method may be called from any thread."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        # Keys that belonged to somebody: once deleted they must not become root's.
        self._known: set[str] = set()
        self._sessions: dict[str, Any] = {}

    def reset(self) -> None:
        """Forget all keys: moto does so too."""
        self._known, self._sessions = set(), {}

    def find(self, key: str) -> Principal | None:
        """Whose key it is; None for a key like root's. BadKeyError for one that AWS would not take."""
        backend = iam_backends[ACCOUNT][PARTITION]
        stored = backend.access_keys.get(key)
        if stored is not None and stored.user_name:
            self._known.add(key)
            if stored.status != "Active":
                raise BadKeyError
            return self._user(backend.users[stored.user_name])
        session = self._session(key)
        if session is not None:
            if session.expiration.replace(tzinfo=UTC) < self._now():
                raise BadKeyError(expired=True)
            return self.session(session.role_arn, session.session_name, session.policy)
        if key in self._known:
            raise BadKeyError
        return None

    def session(self, role_arn: str, name: str, policy: str | None = None) -> Principal:
        """A session of a role, as STS or a service begins one; of an unknown role a session without any policy."""
        role = self.role(role_arn)
        short = role_arn.rsplit("/", 1)[-1]
        account = role_arn.split(":")[4]
        return Principal(
            arn=f"arn:{PARTITION}:sts::{account}:assumed-role/{short}/{name}",
            account=account,
            policies=tuple(_attached(role)) if role else (),
            boundary=_boundary(role.permissions_boundary_arn) if role else None,
            session=read_policy(policy, "session policy") if policy else None,
            role=role_arn,
        )

    def role(self, arn: str) -> Any:
        """moto's role; None when there is none."""
        roles = iam_backends[ACCOUNT][PARTITION].roles.values()
        return next((role for role in roles if role.arn == arn), None)

    def _session(self, key: str) -> Any:
        if key not in self._sessions:
            found = sts_backends[ACCOUNT][PARTITION].get_assumed_role_from_access_key(key)
            if found is None:
                return None
            self._sessions[key] = found
        return self._sessions[key]

    def _user(self, user: Any) -> Principal:
        groups = [group for group in iam_backends[ACCOUNT][PARTITION].groups.values() if user in group.users]
        policies = [policy for holder in (user, *groups) for policy in _attached(holder)]
        return Principal(arn=user.arn, account=ACCOUNT, policies=tuple(policies))


def _attached(holder: Any) -> Iterator[Policy]:
    """Inline and managed policies of a user, group or role."""
    for name, document in holder.policies.items():
        yield read_policy(document, name)
    for managed in holder.managed_policies.values():
        yield read_policy(_document(managed), managed.name)


def _boundary(arn: str | None) -> Policy | None:
    if not arn:
        return None
    managed = iam_backends[ACCOUNT][PARTITION].managed_policies.get(arn)
    return read_policy(_document(managed) if managed else _NOTHING, arn.rsplit("/", 1)[-1])


# A boundary that does not exist allows nothing.
_NOTHING = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})


def _document(managed: Any) -> str:
    return next(version.document for version in managed.versions if version.is_default)


def read_policy(document: Any, name: str, kind: PolicyType = PolicyType.IDENTITY) -> Policy:
    """A policy as moto stores it: text, bytes or parsed. PolicyError when AWS would not have taken it."""
    if isinstance(document, bytes):
        document = document.decode()
    text = document if isinstance(document, str) else json.dumps(document)
    return _parsed(text, name, kind)


@functools.lru_cache(maxsize=1024)
def _parsed(text: str, name: str, kind: PolicyType) -> Policy:
    return parse_policy(json.loads(text), name=name, kind=kind)
