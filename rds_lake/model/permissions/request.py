"""What is decided about: a request, and who sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rds_lake.model.permissions.patterns import Context
from rds_lake.model.permissions.policy import Policy

_SESSION = re.compile(r"arn:([^:]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One action on one resource. A call that needs several is several requests.

    `action` is `s3:GetObject`; `resource` an ARN, or `*` where the action has none; `account` the number of the account that
    the resource belongs to. `context` has the condition keys that the call brings (`s3:prefix`); those that follow from the
    request and the principal alone are added when it is evaluated.
    """

    action: str
    resource: str
    account: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a user, the session of a role, an account's root user, or with `service` an AWS service.

    `arn` is the user's, the session's (`arn:aws:sts::…:assumed-role/role/session`), or `events.amazonaws.com`. `policies` are
    the identity-based ones, a user's groups included. `role` is the ARN of a session's role; only a role with a path must
    be given, as a session's ARN has no path. Nobody, for a request without a signature, is `Principal(arn="*", account="")`.
    """

    arn: str
    account: str
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: Policy | None = None
    service: bool = False
    role: str | None = None

    @property
    def identity(self) -> str:
        """The ARN of the role behind a session; of all others their own. AWS calls it `aws:PrincipalArn`."""
        session = _SESSION.fullmatch(self.arn)
        if self.role is not None or session is None:
            return self.role or self.arn
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"

    @property
    def user_id(self) -> str:
        """A substitute for AWS's unique id (`AROA…:session` of a role's session), which is in no ARN. AWS calls it `aws:userid`.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
        """
        session = _SESSION.fullmatch(self.arn)
        return self.arn if session is None else f"{self.identity}:{self.arn.rpartition('/')[2]}"

    @property
    def outsider(self) -> bool:
        """Whether it has no identity-based policies because it is no identity: a service, or no principal at all."""
        return self.service or not self.account

    @property
    def is_root(self) -> bool:
        """Whether it is an account's root user, whom no identity-based policy has to allow anything."""
        return self.arn.endswith(f"::{self.account}:root")


# The value of a request's condition key that is whoever asks.
THE_CALLER = "${aws:userid}"


def full_context(request: Request, principal: Principal) -> Context:
    """The request's condition keys in small letters, with those that AWS has in every request; what the request says counts.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    found = {"aws:ResourceAccount": (request.account,), "aws:PrincipalIsAWSService": (str(principal.service).lower(),)}
    if principal.service:
        found["aws:PrincipalServiceName"] = (principal.arn,)
    elif principal.account:
        found |= {
            "aws:PrincipalArn": (principal.identity,),
            "aws:PrincipalAccount": (principal.account,),
            "aws:userid": (principal.user_id,),
            "kms:CallerAccount": (principal.account,),
        }
        if ":user/" in principal.arn:
            found["aws:username"] = (principal.arn.rsplit("/", 1)[-1],)
    asked = {
        key: (principal.user_id,) if values == (THE_CALLER,) else values
        for key, values in dict(request.context).items()
    }
    return {key.lower(): values for key, values in (found | asked).items()}
