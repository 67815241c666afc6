"""AWS::SNS: topics, subscriptions, topic policies."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType, document

_SETTINGS = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_OF_SUBSCRIPTION = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _create(call: Call) -> str:
    settings = {key: _text(value) for key, value in call.pick(*_SETTINGS).items()}
    answer = call.client("sns").create_topic(
        Name=call.name("TopicName", limit=256), Attributes=settings, Tags=call.tags()
    )
    return answer["TopicArn"]


def _update(call: Call) -> None:
    sns = call.client("sns")
    for key in _SETTINGS:
        if call.changed(key):
            value = _text(call.properties.get(key, ""))
            sns.set_topic_attributes(TopicArn=call.physical, AttributeName=key, AttributeValue=value)
    if gone := call.tags_gone():
        sns.untag_resource(ResourceArn=call.physical, TagKeys=gone)
    if call.tags():
        sns.tag_resource(ResourceArn=call.physical, Tags=call.tags())


def _subscribe(call: Call) -> str:
    settings = {key: _text(value) for key, value in call.pick(*_OF_SUBSCRIPTION).items()}
    answer = call.client("sns").subscribe(
        **call.pick("TopicArn", "Protocol", "Endpoint"), Attributes=settings, ReturnSubscriptionArn=True
    )
    return answer["SubscriptionArn"]


def _change_subscription(call: Call) -> None:
    for key in _OF_SUBSCRIPTION:
        if call.changed(key):
            value = _text(call.properties.get(key, {}))
            call.client("sns").set_subscription_attributes(
                SubscriptionArn=call.physical, AttributeName=key, AttributeValue=value
            )


def _set_policy(call: Call) -> None:
    for topic in call.properties["Topics"]:
        _put(call, topic, document(call.properties["PolicyDocument"]))
    for topic in set(call.before.get("Topics", [])) - set(call.properties["Topics"]):
        _put(call, topic, _owner_only(call, topic))


def _remove_policy(call: Call) -> None:
    """Restore the topic's first policy, as AWS does: its owner may do everything with it."""
    for topic in call.properties["Topics"]:
        _put(call, topic, _owner_only(call, topic))


def _put(call: Call, topic: str, policy: str) -> None:
    call.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def _owner_only(call: Call, topic: str) -> str:
    actions = (
        "AddPermission", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic", "Publish", "RemovePermission",
        "SetTopicAttributes", "Subscribe",
    )  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": call.account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


TYPES = (
    ResourceType(
        name="AWS::SNS::Topic",
        named="TopicName",
        takes=frozenset(_SETTINGS) | {"TopicName", "Tags"},
        create=_create,
        update=_update,
        delete=lambda call: call.client("sns").delete_topic(TopicArn=call.physical),
        attributes=lambda call: {"TopicArn": call.physical, "TopicName": call.physical.rpartition(":")[2]},
    ),
    ResourceType(
        name="AWS::SNS::Subscription",
        takes=frozenset(_OF_SUBSCRIPTION) | {"TopicArn", "Protocol", "Endpoint"},
        create=_subscribe,
        update=_change_subscription,
        delete=lambda call: call.client("sns").unsubscribe(SubscriptionArn=call.physical),
        attributes=lambda call: {"Arn": call.physical},
    ),
    ResourceType(
        name="AWS::SNS::TopicPolicy",
        takes=frozenset({"PolicyDocument", "Topics"}),
        create=lambda call: f"{call.stack}-{call.logical}-{call.suffix(12)}",
        configure=_set_policy,
        delete=_remove_policy,
        attributes=lambda call: {"Id": call.physical},
    ),
)
