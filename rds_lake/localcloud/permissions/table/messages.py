"""Rights of SQS, SNS and EventBridge, with the KMS rights of encrypted queues and topics.

(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import ANY, Call, Need, Rule, both, everything, on

# Operations on one queue: their right.
_QUEUE = {
    "SendMessage": "SendMessage",
    "SendMessageBatch": "SendMessage",
    "ReceiveMessage": "ReceiveMessage",
    "DeleteMessage": "DeleteMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibility": "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "GetQueueUrl": "GetQueueUrl",
    "GetQueueAttributes": "GetQueueAttributes",
    "SetQueueAttributes": "SetQueueAttributes",
    "CreateQueue": "CreateQueue",
    "DeleteQueue": "DeleteQueue",
    "PurgeQueue": "PurgeQueue",
    "TagQueue": "TagQueue",
    "UntagQueue": "UntagQueue",
    "ListQueueTags": "ListQueueTags",
    "ListDeadLetterSourceQueues": "ListDeadLetterSourceQueues",
}
_SENDING, _RECEIVING = ("kms:GenerateDataKey", "kms:Decrypt"), ("kms:Decrypt",)
_TOPIC = (
    "CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", "Subscribe", "ListSubscriptionsByTopic",
)  # fmt: skip
_RULE = {
    "PutRule": "Name",
    "DescribeRule": "Name",
    "DeleteRule": "Name",
    "EnableRule": "Name",
    "DisableRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
    "ListTargetsByRule": "Rule",
}


def _queue(call: Call) -> str:
    name = call.params.get("QueueName") or call.params.get("QueueUrl", "*").rsplit("/", 1)[-1]
    return call.arn(name)


def _of_queue(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=f"sqs:{action}", resource=_queue(call))
        actions = {"SendMessage": _SENDING, "ReceiveMessage": _RECEIVING}.get(action, ())
        yield from key_needs(call, call.stored.queue_key(_queue(call)) if actions else None, actions)

    return rule


def key_needs(call: Call, key: str | None, actions: tuple[str, ...]) -> Iterator[Need]:
    """Returns the rights on the key of a queue or topic; None: not the account's own key."""
    if key:
        context = {"kms:ViaService": (f"{call.service}.{call.region}.amazonaws.com",)}
        for action in actions:
            yield Need(action=action, resource=key, context=context)


def _encrypted_topic(call: Call) -> Iterator[Need]:
    yield from key_needs(call, call.stored.topic_key(call.named("", "TopicArn", "TargetArn")), _SENDING)


def _subscription(operation: str) -> Rule:
    """Checked on the topic: the ARN of a subscription is the topic's ARN and an id."""

    def rule(call: Call) -> Iterator[Need]:
        topic = call.params.get("SubscriptionArn", ANY).rpartition(":")[0] or ANY
        yield Need(action=f"sns:{operation}", resource=topic)

    return rule


def _put_events(call: Call) -> Iterator[Need]:
    for entry in call.params.get("Entries") or []:
        bus = entry.get("EventBusName") or "default"
        resource = bus if bus.startswith("arn:") else call.arn(f"event-bus/{bus}")
        context = {"events:source": (entry.get("Source", ""),), "events:detail-type": (entry.get("DetailType", ""),)}
        yield Need(action="events:PutEvents", resource=resource, context=context)


SQS: dict[str, Rule] = {
    **{operation: _of_queue(action) for operation, action in _QUEUE.items()},
    "ListQueues": everything("sqs:ListQueues"),
}
SNS: dict[str, Rule] = {
    **{operation: on(f"sns:{operation}", "", "TopicArn", "Name") for operation in _TOPIC},
    "Publish": both(on("sns:Publish", "", "TopicArn", "TargetArn"), _encrypted_topic),
    "PublishBatch": both(on("sns:Publish", "", "TopicArn"), _encrypted_topic),
    "ListTopics": everything("sns:ListTopics"),
    **{
        operation: _subscription(operation)
        for operation in ("Unsubscribe", "SetSubscriptionAttributes", "GetSubscriptionAttributes")
    },
    **{operation: on(f"sns:{operation}", "", "ResourceArn") for operation in ("TagResource", "UntagResource")},
}
EVENTS: dict[str, Rule] = {
    **{operation: on(f"events:{operation}", "rule/", key) for operation, key in _RULE.items()},
    "ListRules": everything("events:ListRules"),
    "PutEvents": _put_events,
}
