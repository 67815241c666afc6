"""AWS::Lambda and AWS::KinesisFirehose: functions, their permissions and retries, delivery streams."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, HandlerError, ResourceType

Json = dict[str, Any]
_SETTINGS = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "Layers", "MemorySize", "Role",
    "Runtime", "Timeout", "TracingConfig", "VpcConfig",
)  # fmt: skip
_DESTINATION, _DESTINATION_ID = "ExtendedS3DestinationConfiguration", "destinationId-000000000001"


def _create(call: Call) -> str:
    name = call.name("FunctionName")
    given = call.pick(*_SETTINGS, "Architectures", "PackageType")
    if call.tags():
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in call.tags()}
    call.client("lambda").create_function(FunctionName=name, Code=_code(call.properties["Code"]), **given)
    return name


def _reserve(call: Call) -> None:
    client, name, wanted = call.client("lambda"), call.physical, call.properties.get("ReservedConcurrentExecutions")
    if wanted is not None:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(wanted))
    elif "ReservedConcurrentExecutions" in call.before:
        client.delete_function_concurrency(FunctionName=name)


def _code(given: Json) -> Json:
    """Returns the code in the API's form: inline code becomes a ZIP file with `index`."""
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
    _reserve(call)


def _permit(call: Call) -> str:
    given = call.pick("FunctionName", "Action", "Principal", "SourceArn", "SourceAccount", "EventSourceToken")
    statement = f"{call.stack}-{call.logical}-{call.suffix(12)}"[-100:]
    call.client("lambda").add_permission(StatementId=statement, **given)
    return statement


def _forbid(call: Call) -> None:
    call.client("lambda").remove_permission(FunctionName=call.properties["FunctionName"], StatementId=call.physical)


def _configure_events(call: Call) -> None:
    """Replace the settings: those that are not given get their defaults."""
    given = call.pick(
        "FunctionName", "Qualifier", "DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"
    )
    call.client("lambda").put_function_event_invoke_config(**given)


def _forget_events(call: Call) -> None:
    call.client("lambda").delete_function_event_invoke_config(**call.pick("FunctionName", "Qualifier"))


def _create_stream(call: Call) -> str:
    name = call.name("DeliveryStreamName")
    given = call.pick("DeliveryStreamType", _DESTINATION, "DeliveryStreamEncryptionConfigurationInput", "Tags")
    call.client("firehose").create_delivery_stream(DeliveryStreamName=name, **given)
    return name


def _update_stream(call: Call) -> None:
    firehose, stream = call.client("firehose"), {"DeliveryStreamName": call.physical}
    if call.changed("DeliveryStreamEncryptionConfigurationInput"):
        raise HandlerError("The local cloud's limit, not CloudFormation's: a stream's own encryption cannot be changed")
    if call.changed(_DESTINATION):
        version = firehose.describe_delivery_stream(**stream)["DeliveryStreamDescription"]["VersionId"]
        firehose.update_destination(
            **stream,
            CurrentDeliveryStreamVersionId=version,
            DestinationId=_DESTINATION_ID,
            ExtendedS3DestinationUpdate=call.properties[_DESTINATION],
        )
    if gone := call.tags_gone():
        firehose.untag_delivery_stream(**stream, TagKeys=gone)
    if call.tags():
        firehose.tag_delivery_stream(**stream, Tags=call.tags())


TYPES = (
    ResourceType(
        name="AWS::Lambda::Function",
        named="FunctionName",
        takes=frozenset(
            {*_SETTINGS, "Architectures", "Code", "FunctionName", "PackageType", "ReservedConcurrentExecutions", "Tags"}
        ),
        create=_create,
        configure=_reserve,
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
    ResourceType(
        name="AWS::Lambda::EventInvokeConfig",
        takes=frozenset(
            {"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"}
        ),
        create=lambda call: f"{call.properties['FunctionName']}|{call.properties['Qualifier']}",
        configure=_configure_events,
        delete=_forget_events,
    ),
    ResourceType(
        name="AWS::KinesisFirehose::DeliveryStream",
        named="DeliveryStreamName",
        takes=frozenset(
            {
                "DeliveryStreamEncryptionConfigurationInput",
                "DeliveryStreamName",
                "DeliveryStreamType",
                _DESTINATION,
                "Tags",
            }
        ),
        create=_create_stream,
        update=_update_stream,
        delete=lambda call: call.client("firehose").delete_delivery_stream(DeliveryStreamName=call.physical),
        attributes=lambda call: {"Arn": call.arn("firehose", f"deliverystream/{call.physical}")},
    ),
)
