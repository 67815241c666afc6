"""Only the permission gate evaluates policies of buckets: moto would refuse everything that a Deny names, and ignore its Condition.

Then nobody could write to a bucket whose policy refuses requests without TLS. `localcloud/permissions/` evaluates conditions.
"""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket


def leave_policies_to_the_gate() -> None:
    """Let moto's buckets in this process refuse nothing by their policies. Safe to repeat."""

    def get_permission(self: Any, action: str, resource: str) -> Any:
        return PermissionResult.NEUTRAL

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]
