"""The KMS key of a lake with its alias, if lake.yaml names a key and none is given.

The statements say who uses the key, and why. A condition on the service is used only if AWS documents that the service sends it
to KMS: a condition that is never sent refuses everything.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.template.parameters import empty
from rds_lake.infra.template.parts import (
    ACCOUNT,
    Part,
    arn,
    document,
    either,
    get_att,
    ref,
    resource,
    sub,
    tags,
)
from rds_lake.model.aws.arn import parse_arn

_NONE_GIVEN = "NoKeyGiven"
_ARN_OR_EMPTY = "^$|^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$"
_MESSAGES = ["kms:Decrypt", "kms:GenerateDataKey*"]


def key_arn(config: LakeConfig) -> Any:
    """Returns the ARN of the lake's key as a value of the template; None if lake.yaml names no key."""
    name = config.lake.kms_key
    if name is None:
        return None
    if key_alias(config):
        return either(_NONE_GIVEN, get_att("Key"), ref("KeyArn"))
    return ref("KeyArn") if name.startswith("arn:") else either(_NONE_GIVEN, arn("kms", f"key/{name}"), ref("KeyArn"))


def key_alias(config: LakeConfig) -> str | None:
    """Returns `alias/…` if lake.yaml names the key by an alias: only such a key can be created under its name."""
    name = (config.lake.kms_key or "").rpartition(":")[2]
    return name if name.startswith("alias/") else None


def key(config: LakeConfig) -> Part:
    """The parameter `KeyArn`, and a new key if lake.yaml has an alias and the parameter is empty."""
    name, alias = config.lake.kms_key, key_alias(config)
    if name is None:
        return Part()
    by_arn = name.startswith("arn:") and not alias
    parameter = {
        "Type": "String",
        "Default": name if by_arn else "",
        "AllowedPattern": "^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$" if by_arn else _ARN_OR_EMPTY,
        "Description": _described(name, alias, by_arn=by_arn),
    }
    used = ref("KeyArn") if by_arn else either(_NONE_GIVEN, alias or name, ref("KeyArn"))
    return Part(
        parameters={"KeyArn": parameter},
        conditions={} if by_arn else {_NONE_GIVEN: empty("KeyArn")},
        resources=_created(config, alias) if alias else {},
        outputs={"KmsKey": {"Description": "lake.yaml: kms_key", "Value": used}},
    )


def _described(name: str, alias: str | None, *, by_arn: bool) -> str:
    existing = "ARN of an existing key, whose policy you maintain yourself"
    if by_arn:
        return f"{existing}."
    return f"{existing}. Empty: {f'a new key, {alias}' if alias else f'the key {name} of this account'}."


def _created(config: LakeConfig, alias: str) -> dict[str, Any]:
    return {
        "Key": resource(
            "AWS::KMS::Key",
            {
                "Description": f"rds-lake: exports and relocated Parquet of {config.lake.bucket}",
                "EnableKeyRotation": True,
                "PendingWindowInDays": 30,
                "KeyPolicy": document(*_statements(config)),
                "Tags": tags(config.lake),
            },
            condition=_NONE_GIVEN,
            keep=True,
        ),
        "KeyAlias": resource(
            "AWS::KMS::Alias", {"AliasName": alias, "TargetKeyId": ref("Key")}, condition=_NONE_GIVEN, keep=True
        ),
    }


def _statements(config: LakeConfig) -> list[dict[str, Any]]:
    """Who may use the key. The first statement lets the account's IAM policies apply to it.

    The lake's roles have no statements here: their own policies allow them the key through certain services only, and a statement
    here would allow it without these conditions. RDS's export service uses a grant that StartExportTask creates.
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    account = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
    return [_allow("AccountAndItsPolicies", {"AWS": account}, ["kms:*"]), *_services(config)]


def _services(config: LakeConfig) -> list[dict[str, Any]]:
    """The services that send messages to objects encrypted with the key.

    AWS documents that aws:SourceAccount and aws:SourceArn work for alarms and for topics, and that EventBridge does not send them to
    KMS (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services).
    """
    events = _allow("Events", {"Service": "events.amazonaws.com"}, _MESSAGES)
    if config.lake.notifications is None:
        return [events]
    topic = parse_arn(config.lake.notifications).resource
    sources = {
        "Alarms": ("cloudwatch", arn("cloudwatch", "alarm:${NamePrefix}-*")),
        "Topic": ("sns", arn("sns", topic)),
    }
    return [
        events,
        *(
            _allow(sid, {"Service": f"{service}.amazonaws.com"}, _MESSAGES)
            | {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": source}}}
            for sid, (service, source) in sources.items()
        ),
    ]


def _allow(sid: str, principal: dict[str, Any], actions: list[str]) -> dict[str, Any]:
    # In a key's policy `*` is this key: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
