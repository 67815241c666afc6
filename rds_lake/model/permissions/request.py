"""A request, and the principal that sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rds_lake.model.permissions.patterns import Context
from rds_lake.model.permissions.policy import Policy

_SESSION = re.compile(r"arn:([^:]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One action on one resource. A call that needs several permissions is several requests.

    `action`: `s3:GetObject`. `resource`: an ARN, or `*` if the action has none. `account`: number of the resource's
    account. `context`: condition keys that the call has (`s3:prefix`); keys that follow from request and principal are
    added by the evaluation.
    """

    action: str
    resource: str
    account: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The sender: a user, a role's session, an account's root user, or with `service` an AWS service.

    `arn`: the user's, the session's (`arn:aws:sts::…:assumed-role/role/session`), or `events.amazonaws.com`.
    `policies`: the identity-based ones, including those of a user's groups. `role`: the ARN of a session's role; needed
    only for a role with a path, which a session's ARN does not have. A request without a signature is sent by
    `Principal(arn="*", account="")`.
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
        """The ARN of a session's role; for others their own ARN. AWS calls it `aws:PrincipalArn`."""
        session = _SESSION.fullmatch(self.arn)
        if self.role is not None or session is None:
            return self.role or self.arn
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"

    @property
    def user_id(self) -> str:
        """A substitute for AWS's unique id (`AROA…:session` for a session), which no ARN contains. AWS calls it `aws:userid`.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
        """
        session = _SESSION.fullmatch(self.arn)
        return self.arn if session is None else f"{self.identity}:{self.arn.rpartition('/')[2]}"

    @property
    def outsider(self) -> bool:
        """Whether it has no identity-based policies because it is a service, or no principal at all."""
        return self.service or not self.account

    @property
    def is_root(self) -> bool:
        """Whether it is an account's root user, who needs no identity-based policy."""
        return self.arn.endswith(f"::{self.account}:root")


# The value of a condition key that is replaced by the caller's `aws:userid`.
THE_CALLER = "${aws:userid}"


def full_context(request: Request, principal: Principal) -> Context:
    """Returns the request's condition keys in lower case, and AWS's keys of every request; the request's own take precedence.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    keys = {"aws:ResourceAccount": (request.account,), "aws:PrincipalIsAWSService": (str(principal.service).lower(),)}
    if principal.service:
        keys["aws:PrincipalServiceName"] = (principal.arn,)
    elif principal.account:
        keys |= {
            "aws:PrincipalArn": (principal.identity,),
            "aws:PrincipalAccount": (principal.account,),
            "aws:userid": (principal.user_id,),
            "kms:CallerAccount": (principal.account,),
        }
        if ":user/" in principal.arn:
            keys["aws:username"] = (principal.arn.rsplit("/", 1)[-1],)
    asked = {
        key: (principal.user_id,) if values == (THE_CALLER,) else values
        for key, values in dict(request.context).items()
    }
    return {key.lower(): values for key, values in (keys | asked).items()}
