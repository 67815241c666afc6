"""AWS::SecretsManager: secrets."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType

Json = dict[str, Any]


def _create(call: Call) -> str:
    answer = call.client("secretsmanager").create_secret(
        Name=call.name("Name", limit=512), **call.pick("Description", "KmsKeyId", "Tags"), **_secret(call)
    )
    return answer["ARN"]


def _secret(call: Call) -> Json:
    if "GenerateSecretString" not in call.properties:
        return call.pick("SecretString")
    given = dict(call.properties["GenerateSecretString"])
    template, key = given.pop("SecretStringTemplate", None), given.pop("GenerateStringKey", None)
    password = call.client("secretsmanager").get_random_password(**given)["RandomPassword"]
    return {"SecretString": json.dumps(json.loads(template) | {key: password}) if template else password}


def _update(call: Call) -> None:
    secret = _secret(call) if call.changed("SecretString") or call.changed("GenerateSecretString") else {}
    client = call.client("secretsmanager")
    client.update_secret(SecretId=call.physical, **call.pick("Description", "KmsKeyId"), **secret)
    if gone := call.tags_gone():
        client.untag_resource(SecretId=call.physical, TagKeys=gone)
    if call.tags():
        client.tag_resource(SecretId=call.physical, Tags=call.tags())


def _delete(call: Call) -> None:
    call.client("secretsmanager").delete_secret(SecretId=call.physical, ForceDeleteWithoutRecovery=True)


TYPES = (
    ResourceType(
        name="AWS::SecretsManager::Secret",
        named="Name",
        takes=frozenset({"Description", "GenerateSecretString", "KmsKeyId", "Name", "SecretString", "Tags"}),
        create=_create,
        update=_update,
        delete=_delete,
        attributes=lambda call: {"Id": call.physical},
    ),
)
