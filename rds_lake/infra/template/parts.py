"""The building blocks of a template: CloudFormation's functions, one resource, and a part of a template.

What belongs here: functions that every part uses. What a part creates is in the file with its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rds_lake.config.lake_yaml import LakeSettings

# A value of a template: text, numbers, lists and mappings, with CloudFormation's functions in their long form.
NO_VALUE: dict[str, str] = {"Ref": "AWS::NoValue"}
ACCOUNT: dict[str, str] = {"Ref": "AWS::AccountId"}
_IAMS = "${aws:"
HERE = "${AWS::Region}:${AWS::AccountId}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some parameters, conditions, resources and outputs of a template, by name. `notes`: sentences for the deployer."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def joined(parts: Iterable[Part]) -> Part:
    """Returns all parts as one; no two of them use the same name."""
    every = list(parts)
    return Part(
        parameters={name: value for part in every for name, value in part.parameters.items()},
        conditions={name: value for part in every for name, value in part.conditions.items()},
        resources={name: value for part in every for name, value in part.resources.items()},
        outputs={name: value for part in every for name, value in part.outputs.items()},
        notes=tuple(note for part in every for note in part.notes),
    )


def ref(name: str) -> dict[str, Any]:
    """Returns the value of a parameter, or CloudFormation's reference to a resource."""
    return {"Ref": name}


def get_att(name: str, attribute: str = "Arn") -> dict[str, Any]:
    """Returns an attribute of a resource."""
    return {"Fn::GetAtt": [name, attribute]}


def sub(text: str) -> dict[str, Any]:
    """Returns text whose `${…}` CloudFormation fills in."""
    return {"Fn::Sub": text}


def either(condition: str, yes: Any, no: Any = NO_VALUE) -> dict[str, Any]:
    """Returns one of two values; without the second, the property is left out."""
    return {"Fn::If": [condition, yes, no]}


def arn(service: str, resource: str) -> dict[str, Any]:
    """Returns the ARN of a resource in this account and Region."""
    return sub(f"arn:${{AWS::Partition}}:{service}:{HERE}:{resource}")


def substituted(value: Any, known: Mapping[str, Any] | None = None) -> Any:
    """Returns the value with CloudFormation filling in texts with `${`; a text of `known` is replaced by its value there."""
    known = known or {}
    if isinstance(value, Mapping):
        return {name: substituted(inner, known) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(inner, known) for inner in value]
    if isinstance(value, str):
        # `${aws:userid}` and its like are IAM's to fill in.
        has_reference = "${" in value.replace(_IAMS, "")
        return known.get(value, sub(value.replace(_IAMS, "${!aws:")) if has_reference else value)
    return value


def bucket_arn(bucket: str, rest: str = "") -> dict[str, Any]:
    """Returns the ARN of a bucket, or of objects in it."""
    return sub(f"arn:${{AWS::Partition}}:s3:::{bucket}{rest}")


def resource(
    kind: str,
    properties: Mapping[str, Any],
    *,
    condition: str | None = None,
    keep: bool | None = None,
    after: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Returns a resource. `keep`: True: it stays when the stack is deleted; False: it is deleted, explicitly; None: by default.

    `after`: resources that it needs, but does not name.
    """
    return {
        "Type": kind,
        **({"Condition": condition} if condition else {}),
        **({"DependsOn": list(after)} if after else {}),
        **(
            {}
            if keep is None
            else dict.fromkeys(("DeletionPolicy", "UpdateReplacePolicy"), "Retain" if keep else "Delete")
        ),
        "Properties": dict(properties),
    }


def tags(settings: LakeSettings) -> list[dict[str, str]]:
    """Returns the tags that name the lake, for people and bills."""
    return [{"Key": name, "Value": value} for name, value in tag_map(settings).items()]


def tag_map(settings: LakeSettings) -> dict[str, str]:
    """Returns the same tags, for types that need a mapping."""
    return {"rds-lake": f"{settings.bucket}/{settings.prefix}"}


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements]}


def only_by_tls(action: str, resources: list[Any]) -> dict[str, Any]:
    """Returns the statement that refuses every request without TLS."""
    return {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources if len(resources) > 1 else resources[0],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def new_or_existing(described: str) -> dict[str, Any]:
    """Returns a parameter that says whether something is created."""
    return {
        "Type": "String",
        "Default": "new",
        "AllowedValues": ["new", "existing"],
        "Description": described,
    }
