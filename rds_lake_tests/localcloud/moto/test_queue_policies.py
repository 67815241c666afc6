"""A queue's policy stays when other attributes are set: the local cloud is right, and bare moto is still wrong."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.localcloud.cloud import LocalCloud

_ARN = "arn:aws:sqs:us-east-1:123456789012:sealed"
_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": _ARN,
            }
        ],
    }
)


def policy_after_another_attribute(sqs: Any) -> str | None:
    """The queue's policy once its visibility time-out was changed."""
    url = sqs.create_queue(QueueName="sealed", Attributes={"Policy": _POLICY})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")


def test_a_queue_keeps_its_policy_when_its_visibility_changes_and_loses_it_when_told(cloud: LocalCloud) -> None:
    sqs = cloud.clients.client("sqs")
    assert json.loads(policy_after_another_attribute(sqs) or "{}") == json.loads(_POLICY)
    url = sqs.get_queue_url(QueueName="sealed")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert not sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")


def test_bare_moto_still_forgets_it() -> None:
    from moto.sqs.models import Queue

    forgetful: Any = Queue._set_attributes
    queue: Any = Queue("sealed", "us-east-1", "123456789012", Policy=_POLICY)
    getattr(forgetful, "__wrapped__", forgetful)(queue, {"VisibilityTimeout": "5"})
    assert queue.policy is None
