"""Create an IAM role with one inline policy, once. Whom it trusts and what it may do: `policy/service_roles.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role by name, with its documents."""

    name: str
    trust: dict[str, Any]
    policy_name: str
    policy: dict[str, Any]


def ensure_role(iam: Any, role: Role, say: Callable[[str], None]) -> None:
    """Create the role unless it exists; an existing role is left as it is, as a person may have narrowed it."""
    try:
        with aws_errors("iam", "GetRole"):
            iam.get_role(RoleName=role.name)
        say(f"role {role.name} exists")
        return
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
    with aws_errors("iam", "CreateRole"):
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=json.dumps(role.trust))
    with aws_errors("iam", "PutRolePolicy"):
        iam.put_role_policy(RoleName=role.name, PolicyName=role.policy_name, PolicyDocument=json.dumps(role.policy))
    say(f"role {role.name} created")
