"""Grants of a KMS key: they allow operations to one grantee, in addition to the key's policy.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rds_lake.model.permissions.principals import Reach
from rds_lake.model.permissions.request import Principal, Request

_CONTEXT = "kms:EncryptionContext:"
_OPERATIONS = "kms:grantoperations"
_WITHOUT_CONTEXT = {"describekey", "retiregrant", "creategrant", "getpublickey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant. `operations`: as CreateGrant names them (`Decrypt`); `grantee`: an ARN or a service.

    The constraints are pairs that the encryption context must equal, or contain.
    """

    grant_id: str
    key: str
    grantee: str
    operations: frozenset[str]
    equals: Mapping[str, str] | None = None
    subset: Mapping[str, str] | None = None

    def reach(self, request: Request, principal: Principal) -> Reach:
        """Returns how the grant allows the request: not, to the role of a session, or to the principal itself."""
        service, _, operation = request.action.lower().partition(":")
        granted = {name.lower() for name in self.operations}
        if service != "kms" or request.resource != self.key or operation not in granted:
            return Reach.NONE
        if not self._constraints_met(operation, request) or not _wanted_operations(operation, request) <= granted:
            return Reach.NONE
        if self.grantee == principal.arn:
            return Reach.DIRECT
        return Reach.ROLE if self.grantee == principal.identity else Reach.NONE

    def _constraints_met(self, operation: str, request: Request) -> bool:
        if operation in _WITHOUT_CONTEXT:
            return True
        given = {
            key[len(_CONTEXT) :]: values[0]
            for key, values in request.context.items()
            if key.lower().startswith(_CONTEXT.lower()) and values
        }
        equal = self.equals is None or given == dict(self.equals)
        return equal and (self.subset is None or dict(self.subset).items() <= given.items())


def _wanted_operations(operation: str, request: Request) -> set[str]:
    """Returns the operations that a grant created by the request would allow: a principal cannot pass on more than it has."""
    if operation != "creategrant":
        return set()
    return {value.lower() for key, values in request.context.items() if key.lower() == _OPERATIONS for value in values}
