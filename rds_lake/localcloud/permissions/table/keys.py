"""Rights of KMS and Secrets Manager.

(https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, everything, on

_OF_KEY = (
    "DescribeKey", "Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "CreateGrant", "ListGrants",
    "RevokeGrant", "GetKeyPolicy", "PutKeyPolicy", "EnableKeyRotation", "GetKeyRotationStatus", "ScheduleKeyDeletion",
    "DisableKey", "EnableKey", "TagResource", "UntagResource", "UpdateKeyDescription",
)  # fmt: skip
_SECRET = (
    "GetSecretValue", "DescribeSecret", "CreateSecret", "PutSecretValue", "UpdateSecret", "DeleteSecret",
    "TagResource", "UntagResource",
)  # fmt: skip


def _of_key(operation: str) -> Rule:
    """A key is checked by its own ARN, even if an alias names it. KMS itself refuses a missing key."""

    def rule(call: Call) -> Iterator[Need]:
        key = call.stored.key_arn(call.params.get("KeyId"), call.region)
        context: dict[str, tuple[str, ...]] = {}
        if operation == "CreateGrant":
            context = {"kms:GrantOperations": tuple(call.params.get("Operations") or ())}
        if key is not None:
            yield Need(action=f"kms:{operation}", resource=key, context=context)

    return rule


def _of_alias(operation: str) -> Rule:
    """An alias is checked on itself and on its key."""

    def rule(call: Call) -> Iterator[Need]:
        alias = call.params.get("AliasName", "alias/*")
        key = call.stored.key_arn(call.params.get("TargetKeyId") or alias, call.region)
        yield Need(action=f"kms:{operation}", resource=call.arn(alias))
        if key is not None:
            yield Need(action=f"kms:{operation}", resource=key)

    return rule


def _of_secret(operation: str) -> Rule:
    """A secret's ARN ends with six characters that its name does not have."""

    def rule(call: Call) -> Iterator[Need]:
        name = call.params.get("SecretId") or call.params.get("Name") or "*"
        yield Need(action=f"secretsmanager:{operation}", resource=call.stored.secret_arn(name, call.region))

    return rule


KMS: dict[str, Rule] = {
    **{operation: _of_key(operation) for operation in _OF_KEY},
    **{operation: _of_alias(operation) for operation in ("CreateAlias", "UpdateAlias", "DeleteAlias")},
    **{operation: everything(f"kms:{operation}") for operation in ("CreateKey", "ListKeys", "ListAliases")},
}
SECRETS: dict[str, Rule] = {
    **{operation: _of_secret(operation) for operation in _SECRET},
    "ListSecrets": everything("secretsmanager:ListSecrets"),
    "GetRandomPassword": everything("secretsmanager:GetRandomPassword"),
}
LOGS: dict[str, Rule] = {
    **{
        operation: on(f"logs:{operation}", "log-group:", "logGroupName")
        for operation in ("CreateLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy", "DeleteLogGroup")
    },
    "DescribeLogGroups": everything("logs:DescribeLogGroups"),
}
