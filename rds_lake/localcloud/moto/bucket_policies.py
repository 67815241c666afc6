"""Turns off moto's evaluation of bucket policies, which ignores the Condition of a Deny.

With it, no request could write to a bucket whose policy denies requests without TLS. `localcloud/permissions/` evaluates policies.
"""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket


def leave_policies_to_the_gate() -> None:
    """Repair moto's S3 in this process. Safe to repeat."""

    def get_permission(self: Any, action: str, resource: str) -> Any:
        return PermissionResult.NEUTRAL

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]
