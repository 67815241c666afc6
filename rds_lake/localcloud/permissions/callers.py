"""Finds the user or the role's session of an access key, with all its policies as moto's IAM has them now.

A key that moto's IAM and STS do not know is like the account's root user: everything is allowed.

Policies are read from moto's memory for each request, so that a change takes effect at once. A principal is the same
object as long as its policies' texts do not change.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.permissions.stored import PARTITION, backend_of
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal

ROOT = Principal(arn=f"arn:{PARTITION}:iam::{ACCOUNT}:root", account=ACCOUNT)
_KEPT = 1_000
Text = str | bytes


class BadKeyError(Exception):
    """An access key that AWS does not accept: disabled, deleted or expired."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("the security token is expired" if expired else "the access key is not active")
        self.expired = expired


class Callers:
    """Principals by access key. Every method may be called from any thread."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        # Keys of users: once deleted, they must not count as keys like root's.
        self._known: set[str] = set()
        self._sessions: dict[str, Any] = {}
        self._roles: dict[str, Any] = {}
        self._principals: dict[tuple[str | None, ...], tuple[_Written, Principal]] = {}

    def reset(self) -> None:
        """Forget all keys, as moto does."""
        self._known, self._sessions, self._roles, self._principals = set(), {}, {}, {}

    def find(self, key: str) -> Principal | None:
        """Returns the principal of a key; None for a key like root's. BadKeyError for a key that AWS would not accept."""
        backend = backend_of(iam_backends, PARTITION)
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
        """Returns a role's session, as STS or a service begins one; for an unknown role a session without any policy."""
        role = self.role(role_arn)
        written = _written(role) if role else _NO_POLICIES
        known = self._principals.get((role_arn, name, policy))
        if known is not None and known[0] == written:
            return known[1]
        short = role_arn.rsplit("/", 1)[-1]
        account = role_arn.split(":")[4]
        principal = Principal(
            arn=f"arn:{PARTITION}:sts::{account}:assumed-role/{short}/{name}",
            account=account,
            policies=written.parsed(),
            boundary=written.parsed_boundary(),
            session=read_policy(policy, "session policy") if policy else None,
            role=role_arn,
        )
        return self._kept((role_arn, name, policy), written, principal)

    def role(self, arn: str) -> Any:
        """Returns moto's role; None if it does not exist."""
        roles = backend_of(iam_backends, PARTITION).roles
        known = self._roles.get(arn)
        if known is not None and roles.get(known.id) is known:
            return known
        match = next((role for role in list(roles.values()) if role.arn == arn), None)
        if match is not None:
            self._roles[arn] = match
        return match

    def _kept(self, who: tuple[str | None, ...], written: _Written, principal: Principal) -> Principal:
        if len(self._principals) >= _KEPT:
            self._principals = {}
        self._principals[who] = written, principal
        return principal

    def _session(self, key: str) -> Any:
        if key not in self._sessions:
            session = backend_of(sts_backends, PARTITION).get_assumed_role_from_access_key(key)
            if session is None:
                return None
            self._sessions[key] = session
        return self._sessions[key]

    def _user(self, user: Any) -> Principal:
        groups = [group for group in list(backend_of(iam_backends, PARTITION).groups.values()) if user in group.users]
        written = _written(user, *groups)
        known = self._principals.get((user.arn,))
        if known is not None and known[0] == written:
            return known[1]
        principal = Principal(arn=user.arn, account=ACCOUNT, policies=written.parsed())
        return self._kept((user.arn,), written, principal)


@dataclass(frozen=True, slots=True)
class _Written:
    """The policies of one caller as texts, each with its name."""

    policies: tuple[tuple[str, Text], ...]
    boundary: tuple[str, Text] | None = None

    def parsed(self) -> tuple[Policy, ...]:
        return tuple(read_policy(text, name) for name, text in self.policies)

    def parsed_boundary(self) -> Policy | None:
        return read_policy(self.boundary[1], self.boundary[0]) if self.boundary else None


_NO_POLICIES = _Written(())
# A boundary that does not exist allows nothing.
_NOTHING = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})


def _written(*holders: Any) -> _Written:
    """Returns inline and managed policies of a user with its groups, or of a role, and the boundary of a role."""
    policies: list[tuple[str, Text]] = []
    for holder in holders:
        policies += holder.policies.items()
        policies += [(managed.name, _document(managed)) for managed in holder.managed_policies.values()]
    arn = getattr(holders[0], "permissions_boundary_arn", None)
    if not arn:
        return _Written(tuple(policies))
    managed = backend_of(iam_backends, PARTITION).managed_policies.get(arn)
    return _Written(tuple(policies), (arn.rsplit("/", 1)[-1], _document(managed) if managed else _NOTHING))


def _document(managed: Any) -> str:
    return next(version.document for version in managed.versions if version.is_default)


def read_policy(document: Any, name: str, kind: PolicyType = PolicyType.IDENTITY) -> Policy:
    """Returns a policy as moto stores it: text, bytes or parsed. PolicyError if AWS would not have accepted it.

    A text is parsed once. A policy that is stored parsed may be changed in place, so its text is made anew each time.
    """
    return _parsed(document if isinstance(document, str | bytes) else json.dumps(document), name, kind)


@functools.lru_cache(maxsize=1024)
def _parsed(text: Text, name: str, kind: PolicyType) -> Policy:
    return parse_policy(json.loads(text), name=name, kind=kind)
