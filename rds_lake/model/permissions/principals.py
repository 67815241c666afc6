"""`Principal` and `NotPrincipal`: the principals that a statement of a resource-based policy applies to.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_ACCOUNT = re.compile(r"([0-9]{12})|arn:[a-z-]+:iam::([0-9]{12}):root")
_ARN = re.compile(
    r"arn:[a-z-]+:(?:iam::[0-9]{12}:(?:user|role)/[^*?]+|sts::[0-9]{12}:(?:assumed-role/[^/*?]+|federated-user)/[^*?]+)"
)
_UNIQUE_ID = re.compile(r"A(?:ID|RO)A[A-Z0-9]{12,}")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.[a-z]+")


class Reach(IntEnum):
    """How exactly a statement names the principal; it decides which other policies must allow the request, too.

    ACCOUNT: only the principal's account, whose own policies must also allow it. ROLE: the role of a session, still
    limited by boundary and session policy. DIRECT: the principal or everybody; within one account, no other Allow is
    needed.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """The principals that a statement names: everybody, account numbers, ARNs, services."""

    everybody: bool
    accounts: frozenset[str]
    arns: frozenset[str]
    services: frozenset[str]
    inverted: bool

    def reach(self, *, arn: str, identity: str, account: str, service: bool) -> Reach:
        """Returns how the statement names a principal; `identity`: the role of a session, otherwise `arn` again."""
        if self.inverted:
            return Reach.NONE if self._lists(arn, identity, account, service) else Reach.DIRECT
        if self.everybody or arn in (self.services if service else self.arns):
            return Reach.DIRECT
        if service:
            return Reach.NONE
        if identity in self.arns:
            return Reach.ROLE
        return Reach.ACCOUNT if account in self.accounts else Reach.NONE

    def _lists(self, arn: str, identity: str, account: str, service: bool) -> bool:
        """Whether NotPrincipal excludes the principal: AWS may check the account, the role and the session one after the other.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self.everybody or service:
            return self.everybody or arn in self.services
        own = set[str]() if arn.endswith(":root") else {arn, identity}
        return account in self.accounts and own <= self.arns


def parse_principals(written: Any, *, inverted: bool, problems: list[str]) -> Principals:
    """Parses `"*"`, or an object of AWS, Service and Federated; problems are added to `problems`.

    `Federated` names no principal here: a federated user's requests come from the session of a role.
    """
    element = "NotPrincipal" if inverted else "Principal"
    if written == "*":
        written = {"AWS": "*"}
    if not isinstance(written, dict) or not written:
        problems.append(
            f'{element} must be "*" or an object: {{"AWS": "111122223333"}}, {{"Service": "events.amazonaws.com"}}'
        )
        written = {}
    named = list(_named(written, element, problems))
    aws = {name for kind, name in named if kind == "AWS"}
    accounts = {name: match[1] or match[2] for name in aws if (match := _ACCOUNT.fullmatch(name))}
    return Principals(
        everybody="*" in aws,
        accounts=frozenset(accounts.values()),
        arns=frozenset(aws - accounts.keys() - {"*"}),
        services=frozenset(name for kind, name in named if kind == "Service"),
        inverted=inverted,
    )


def _named(written: dict[Any, Any], element: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yields kind and name of every valid principal of the element."""
    for kind, names in written.items():
        for name in names if isinstance(names, list) and names else [names]:
            problem = _problem(kind, name)
            if problem:
                problems.append(f"{element}: {problem}")
            else:
                yield str(kind), str(name)


def _problem(kind: Any, name: Any) -> str | None:
    if kind == "CanonicalUser":
        return "CanonicalUser is not supported; name the account by its number, as AWS"
    if kind not in {"AWS", "Service", "Federated"}:
        return f"{kind!r} is not a kind of principal (AWS, Service, Federated)"
    if not isinstance(name, str) or not name:
        return f"{kind} must be a text or a list of texts"
    if kind == "Service" and not _SERVICE.fullmatch(name):
        return f"{name!r} is not a service principal (events.amazonaws.com)"
    if kind != "AWS" or name == "*" or _ACCOUNT.fullmatch(name) or _ARN.fullmatch(name):
        return None
    if _UNIQUE_ID.fullmatch(name):
        return f"{name} is what AWS shows for a user or role that was deleted; name the new one by its ARN"
    return f"{name!r} is neither an account number nor an ARN of an account, user, role or session; wildcards inside are not allowed"
