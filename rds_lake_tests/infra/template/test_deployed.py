"""The template deployed in the local cloud: the stack is there, its rules send what they should, and it can be deleted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from rds_lake.console.streams.package import function_zip
from rds_lake.infra.template.render import INLINE_BYTES, as_yaml
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.template.lakes import LAKES, PARAMETERS, template_of

# Without the engine, moto would skip half of the resources and call the stack complete.
pytest.importorskip("rds_lake.localcloud.stacks.service")

DEADLINE_SECONDS = 60


def wait(clients: Any, stack: str) -> str:
    """The status in which the stack's operation ends."""
    cloudformation, until = clients.client("cloudformation"), time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise AssertionError(f"{stack} does not come to an end")


def deploy(cloud: LocalCloud, name: str) -> str:
    """The id of the stack of a lake, once it is complete."""
    clients, parameters = cloud.clients, dict(PARAMETERS[name])
    if "Bucket" in parameters:
        clients.client("s3").create_bucket(Bucket="acme-lake")
        parameters["KeyArn"] = clients.client("kms").create_key()["KeyMetadata"]["Arn"]
    if code := parameters.get("CaptureCodeKey"):
        clients.client("s3").put_object(Bucket="acme-lake", Key=code, Body=function_zip())
    text = as_yaml(template_of(name).body)
    where = {"TemplateBody": text}
    if len(text.encode()) > INLINE_BYTES:
        clients.client("s3").create_bucket(Bucket="templates")
        clients.client("s3").put_object(Bucket="templates", Key="stack.yaml", Body=text.encode())
        where = {"TemplateURL": "https://templates.s3.us-east-1.amazonaws.com/stack.yaml"}
    stack = clients.client("cloudformation").create_stack(
        StackName="lake",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        **where,
    )["StackId"]
    assert wait(clients, stack) == "CREATE_COMPLETE"
    return stack


@pytest.mark.parametrize("name", LAKES)
def test_every_lakes_stack_is_created_and_deleted_and_its_buckets_stay(cloud: LocalCloud, name: str) -> None:
    stack = deploy(cloud, name)
    cloud.clients.client("cloudformation").delete_stack(StackName=stack)
    assert wait(cloud.clients, stack) == "DELETE_COMPLETE"
    assert "acme-lake" in {bucket["Name"] for bucket in cloud.clients.client("s3").list_buckets()["Buckets"]}
    assert not cloud.clients.client("sqs").list_queues().get("QueueUrls")


def arriving(cloud: LocalCloud, event: dict[str, Any]) -> int:
    """How many messages are in the queue after this event."""
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
    cloud.clients.client("events").put_events(Entries=[entry])
    sqs = cloud.clients.client("sqs")
    url = sqs.get_queue_url(QueueName="acme-events")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def test_through_the_deployed_rules_the_samples_reach_the_queue_or_do_not(cloud: LocalCloud, samples: Path) -> None:
    deploy(cloud, "all")
    for file in sorted((samples / "events").rglob("*.json")):
        event = json.loads(file.read_text(encoding="utf-8"))
        if "detail-type" in event:
            assert arriving(cloud, event) == (file.name == "backup-job-completed.json"), file.name
    finished = json.loads((samples / "events/rds/rds-db-snapshot-event-0041-deleted.json").read_text(encoding="utf-8"))
    for number in ("0091", "0042", "0161"):
        finished["detail"]["EventID"] = f"RDS-EVENT-{number}"
        assert arriving(cloud, finished) == 1
