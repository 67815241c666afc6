"""Capabilities: a caller has to acknowledge that a template creates IAM resources.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rds_lake.localcloud.http.app import ApiError

Json = dict[str, Any]
_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_NAMED, _ANY = "CAPABILITY_NAMED_IAM", "CAPABILITY_IAM"


def capabilities_of(template: Json) -> tuple[str | None, list[str]]:
    """Returns the capability that a template needs, and the types that need it. As in AWS, conditions are ignored."""
    resources = [resource for resource in template["Resources"].values() if resource["Type"].startswith("AWS::IAM::")]
    types = sorted({resource["Type"] for resource in resources})
    named = any(_NAMES.get(resource["Type"]) in resource.get("Properties", {}) for resource in resources)
    return (None if not types else _NAMED if named else _ANY), types


def check_capabilities(template: Json, given: Collection[str]) -> None:
    """ApiError InsufficientCapabilitiesException unless the caller gave the capability that the template needs."""
    needed, _ = capabilities_of(template)
    if needed and needed not in given and _NAMED not in given:
        raise ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
