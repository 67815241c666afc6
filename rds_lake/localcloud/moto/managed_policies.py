"""Loads AWS's own managed policies when one is first used: moto has none of them, or loads all at every start, which takes a second.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend

_NAMING = ("attach_role_policy", "attach_user_policy", "get_policy")


def have_policies_of_aws() -> None:
    """Repair moto's IAM in this process. Safe to repeat."""
    for name in _NAMING:
        bare = getattr(IAMBackend, name)
        if not hasattr(bare, "__wrapped__"):
            setattr(IAMBackend, name, _after_loading(bare))


def _after_loading(bare: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(bare)
    def call(self: Any, policy_arn: str, *others: Any, **more: Any) -> Any:
        name = policy_arn.rpartition("/")[2]
        if ":iam::aws:policy/" in policy_arn and policy_arn not in self.managed_policies and name in _published():
            policy = AWSManagedPolicy.from_data(name, self.account_id, self.region_name, _published()[name])
            # An ARN with another path is not a policy of AWS.
            self.managed_policies |= {policy.arn: policy} if policy.arn == policy_arn else {}
        return bare(self, policy_arn, *others, **more)

    return call


@functools.cache
def _published() -> dict[str, Any]:
    """Returns AWS's published policies by name: five megabytes, read when one is first used."""
    return json.loads(aws_managed_policies_data)
