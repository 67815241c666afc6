"""AWS::Lambda: functions, and who may call them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType

Json = dict[str, Any]
_SETTINGS = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "Layers", "MemorySize", "Role",
    "Runtime", "Timeout", "TracingConfig", "VpcConfig",
)  # fmt: skip


def _create(call: Call) -> str:
    name = call.name("FunctionName")
    given = call.pick(*_SETTINGS, "Architectures", "PackageType")
    if call.tags():
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in call.tags()}
    call.client("lambda").create_function(FunctionName=name, Code=_code(call.properties["Code"]), **given)
    return name


def _code(given: Json) -> Json:
    """The API's form: inline code becomes a ZIP file with `index`."""
    if "ZipFile" not in given:
        return {
            key: value for key, value in given.items() if key in ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri")
        }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", given["ZipFile"])
        archive.writestr("index.js", given["ZipFile"])
    return {"ZipFile": packed.getvalue()}


def _update(call: Call) -> None:
    client, name = call.client("lambda"), call.physical
    if call.changed("Code"):
        client.update_function_code(FunctionName=name, **_code(call.properties["Code"]))
    client.update_function_configuration(FunctionName=name, **call.pick(*_SETTINGS))


def _permit(call: Call) -> str:
    given = call.pick("FunctionName", "Action", "Principal", "SourceArn", "SourceAccount", "EventSourceToken")
    statement = f"{call.stack}-{call.logical}-{call.suffix(12)}"[-100:]
    call.client("lambda").add_permission(StatementId=statement, **given)
    return statement


def _forbid(call: Call) -> None:
    call.client("lambda").remove_permission(FunctionName=call.properties["FunctionName"], StatementId=call.physical)


TYPES = (
    ResourceType(
        name="AWS::Lambda::Function",
        named="FunctionName",
        takes=frozenset({*_SETTINGS, "Architectures", "Code", "FunctionName", "PackageType", "Tags"}),
        create=_create,
        update=_update,
        delete=lambda call: call.client("lambda").delete_function(FunctionName=call.physical),
        attributes=lambda call: {"Arn": call.arn("lambda", f"function:{call.physical}")},
    ),
    ResourceType(
        name="AWS::Lambda::Permission",
        takes=frozenset({"Action", "EventSourceToken", "FunctionName", "Principal", "SourceAccount", "SourceArn"}),
        create=_permit,
        delete=_forbid,
        attributes=lambda call: {"Id": call.physical},
    ),
)
