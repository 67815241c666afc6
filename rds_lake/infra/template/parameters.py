"""Values that several parts use: the prefix of names, the permissions boundary, and conditions."""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.deployed import PREFIX_PATTERN, name_prefix
from rds_lake.infra.template.parts import Part, either, ref, sub


def general(config: LakeConfig) -> Part:
    """`NamePrefix` and `PermissionsBoundaryArn`."""
    return Part(
        parameters={
            "NamePrefix": {
                "Type": "String",
                "Default": name_prefix(config.lake),
                "AllowedPattern": PREFIX_PATTERN,
                "Description": "Prefix of the names that lake.yaml does not set: pipeline role, alarms, the queue of "
                "undelivered events, backup vault. Each lake of an account needs its own prefix.",
            },
            "PermissionsBoundaryArn": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "^$|^arn:[^:]+:iam::[^:]*:policy/.+$",
                "Description": "ARN of the managed policy that bounds what every role of this stack may do. Empty: no boundary.",
            },
        },
        conditions={"Bounded": given("PermissionsBoundaryArn")},
    )


def outputs(config: LakeConfig) -> Part:
    """The keys of lake.yaml that are the same with any parameters; the others are outputs of the parts that create them."""
    settings = config.lake
    values = {"Bucket": ("bucket", settings.bucket), "ExportBucket": ("export_bucket", settings.exports_bucket)}
    return Part(
        outputs={name: {"Description": f"lake.yaml: {key}", "Value": value} for name, (key, value) in values.items()}
        | {"Region": {"Description": "lake.yaml: region", "Value": ref("AWS::Region")}}
    )


def named(what: str) -> dict[str, Any]:
    """Returns the name of an object that lake.yaml does not name."""
    return sub(f"${{NamePrefix}}-{what}")


def given(parameter: str) -> dict[str, Any]:
    """Returns the condition that a parameter is not empty."""
    return {"Fn::Not": [empty(parameter)]}


def empty(parameter: str) -> dict[str, Any]:
    """Returns the condition that a parameter is empty."""
    return equals(parameter, "")


def equals(parameter: str, value: str) -> dict[str, Any]:
    """Returns the condition that a parameter has this value."""
    return {"Fn::Equals": [ref(parameter), value]}


def boundary() -> dict[str, Any]:
    """Returns the permissions boundary, a property of every role."""
    return {"PermissionsBoundary": either("Bounded", ref("PermissionsBoundaryArn"))}
