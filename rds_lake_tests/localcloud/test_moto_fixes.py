"""Each repair of moto: ours is right, and bare moto is still wrong. The second half fails the day moto does it right."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from rds_lake.localcloud.cloud import LocalCloud

PATTERN = json.dumps({"source": ["aws.rds"]})


@pytest.fixture(scope="module")
def bare_moto() -> Any:
    """moto's own server, untouched: its Glue, and EventBridge's rule class as it was imported."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def glue_of(endpoint: str) -> Any:
    return boto3.client("glue", endpoint_url=endpoint, region_name="us-east-1")


def table(columns: int = 1) -> dict[str, Any]:
    listed = [{"Name": f"c{n}", "Type": "int"} for n in range(columns)]
    return {"Name": "t", "StorageDescriptor": {"Columns": listed, "Location": "s3://b/t/"}}


def stale_update(glue: Any, database: str) -> None:
    """Update a table with the version of before somebody else's update."""
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput=table())
    version = glue.get_table(DatabaseName=database, Name="t")["Table"]["VersionId"]
    glue.update_table(DatabaseName=database, TableInput=table(2))
    glue.update_table(DatabaseName=database, TableInput=table(3), VersionId=version)


def create_101_partitions(glue: Any, database: str) -> None:
    glue.create_database(DatabaseInput={"Name": database})
    keys = {"PartitionKeys": [{"Name": "d", "Type": "string"}]}
    glue.create_table(DatabaseName=database, TableInput=table() | keys)
    inputs = [{"Values": [str(n)], "StorageDescriptor": {"Location": f"s3://b/{n}/"}} for n in range(101)]
    glue.batch_create_partition(DatabaseName=database, TableName="t", PartitionInputList=inputs)


def test_an_update_with_a_stale_version_is_refused(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        stale_update(glue_of(cloud.url), "ours")


def test_bare_moto_still_accepts_a_stale_version(bare_moto: str) -> None:
    stale_update(glue_of(bare_moto), "motos_stale")


def test_more_partitions_than_a_batch_takes_are_refused(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        create_101_partitions(glue_of(cloud.url), "ours")


def test_bare_moto_still_accepts_too_large_a_batch(bare_moto: str) -> None:
    create_101_partitions(glue_of(bare_moto), "motos_many")


def delivered(clients: Any, *, state: str) -> list[dict[str, Any]]:
    """What a queue gets of one event, through a rule in that state."""
    sqs, events = clients("sqs"), clients("events")
    url = sqs.create_queue(QueueName=f"fix-{state.lower()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=f"fix-{state.lower()}", EventPattern=PATTERN, State=state)
    events.put_targets(Rule=f"fix-{state.lower()}", Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": "aws.rds", "DetailType": "x", "Detail": "{}"}])
    return [json.loads(message["Body"]) for message in sqs.receive_message(QueueUrl=url).get("Messages", [])]


def test_a_disabled_rule_delivers_nothing(cloud: LocalCloud) -> None:
    assert delivered(cloud.clients.client, state="DISABLED") == []


def test_a_delivered_event_names_its_account(cloud: LocalCloud) -> None:
    (event,) = delivered(cloud.clients.client, state="ENABLED")
    assert event["account"] == "123456789012"


def test_bare_moto_still_delivers_through_a_disabled_rule_and_without_account() -> None:
    """In a process of its own: the repair changes moto's class for the whole process."""
    import subprocess
    import sys

    script = """
import boto3, json
from moto import mock_aws
from rds_lake_tests.localcloud.test_moto_fixes import delivered
with mock_aws():
    (event,) = delivered(lambda name: boto3.client(name, region_name="us-east-1"), state="DISABLED")
    assert "account" not in event, event
"""
    import os

    variables = {key: value for key, value in os.environ.items() if key != "AWS_ENDPOINT_URL"}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"moto was repaired: remove our repair\n{done.stderr}"
