"""AWS::SQS: queues and their policies."""

from __future__ import annotations

import json

from rds_lake.localcloud.stacks.types.base import Call, ResourceType, document, suffix_of

_DEFAULTS = {
    "DelaySeconds": "0", "MaximumMessageSize": "262144", "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "SqsManagedSseEnabled": "true",
    "KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300", "ContentBasedDeduplication": "false",
    "RedrivePolicy": "", "RedriveAllowPolicy": "",
}  # fmt: skip


def _attributes(call: Call) -> dict[str, str]:
    """Returns SQS's attributes for the template's properties, and defaults for those that it no longer has."""
    attributes = {
        key: default for key, default in _DEFAULTS.items() if key in call.before and key not in call.properties
    }
    for key, value in call.pick(*_DEFAULTS).items():
        attributes[key] = (
            json.dumps(value)
            if isinstance(value, dict)
            else str(value).lower()
            if value in (True, False)
            else str(value)
        )
    return attributes


def _create(call: Call) -> str:
    fifo = call.properties.get("FifoQueue", False)
    name = call.name("QueueName", limit=80 - 5 * fifo)
    name += ".fifo" if fifo and not name.endswith(".fifo") else ""
    attributes = _attributes(call) | ({"FifoQueue": "true"} if fifo else {})
    tags = {tag["Key"]: tag["Value"] for tag in call.tags()}
    call.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags=tags)
    # The URL in the service's answer contains the host of this internal call, which other clients cannot use.
    return f"https://sqs.{call.region}.{suffix_of(call.region)}/{call.account}/{name}"


def _update(call: Call) -> None:
    sqs = call.client("sqs")
    if attributes := _attributes(call):
        sqs.set_queue_attributes(QueueUrl=call.physical, Attributes=attributes)
    if gone := call.tags_gone():
        sqs.untag_queue(QueueUrl=call.physical, TagKeys=gone)
    if call.tags():
        sqs.tag_queue(QueueUrl=call.physical, Tags={tag["Key"]: tag["Value"] for tag in call.tags()})


def _delete(call: Call) -> None:
    call.client("sqs").delete_queue(QueueUrl=call.physical)


def _values(call: Call) -> dict[str, str]:
    name = call.physical.rpartition("/")[2]
    return {"Arn": call.arn("sqs", name), "QueueName": name, "QueueUrl": call.physical}


def _set_policy(call: Call) -> None:
    for url in set(call.before.get("Queues", [])) - set(call.properties["Queues"]):
        call.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    for url in call.properties["Queues"]:
        call.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": document(call.properties["PolicyDocument"])}
        )


def _remove_policy(call: Call) -> None:
    for url in call.properties["Queues"]:
        call.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


TYPES = (
    ResourceType(
        name="AWS::SQS::Queue",
        named="QueueName",
        takes=frozenset(_DEFAULTS) | {"FifoQueue", "QueueName", "Tags"},
        create=_create,
        update=_update,
        delete=_delete,
        attributes=_values,
    ),
    ResourceType(
        name="AWS::SQS::QueuePolicy",
        takes=frozenset({"PolicyDocument", "Queues"}),
        create=lambda call: f"{call.stack}-{call.logical}-{call.suffix(12)}",
        configure=_set_policy,
        delete=_remove_policy,
        attributes=lambda call: {"Id": call.physical},
    ),
)
