"""Policies that let EventBridge deliver to a queue or a topic: without one AWS delivers nothing."""

import json
from collections.abc import Callable
from typing import Any


def let_events_in(clients: Callable[[str], Any], arn: str) -> None:
    """Let every rule send to a queue or topic, by its ARN. `clients`: boto3's client by the service's name."""
    service, _, _, name = arn.split(":")[2:6]
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}[service]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": action, "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    if service == "sns":
        clients("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    else:
        url = clients("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
