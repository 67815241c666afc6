"""A lake that `rds-lake setup` stood up and one of the template are the same lake."""

from __future__ import annotations

import json

import pytest

from rds_lake.infra.template.build import build_template
from rds_lake_tests.infra.template.resolved import Stack, deployed
from rds_lake_tests.support.world import World


@pytest.fixture
def stack(world: World) -> Stack:
    return deployed(build_template(world.config).body, {})


def test_the_queues_have_the_same_names_and_settings(world: World, stack: Stack) -> None:
    sqs = world.clients.client("sqs")
    for logical in ("EventsQueue", "DeadLetters"):
        made = stack.resources[logical]["Properties"]
        url = sqs.get_queue_url(QueueName=made["QueueName"])["QueueUrl"]
        present = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert present["MessageRetentionPeriod"] == str(made["MessageRetentionPeriod"])
        if logical == "EventsQueue":
            assert present["VisibilityTimeout"] == str(made["VisibilityTimeout"])
            redrive = json.loads(present["RedrivePolicy"])
            assert redrive["maxReceiveCount"] == made["RedrivePolicy"]["maxReceiveCount"]


def test_the_rules_have_the_same_names_and_patterns(world: World, stack: Stack) -> None:
    events = world.clients.client("events")
    present = {rule["Name"]: json.loads(rule["EventPattern"]) for rule in events.list_rules()["Rules"]}
    for rule in stack.of_type("AWS::Events::Rule").values():
        assert present[rule["Name"]] == rule["EventPattern"]


def test_the_export_role_trusts_and_may_the_same(world: World, stack: Stack) -> None:
    made = stack.resources["ExportRole"]["Properties"]
    iam = world.clients.client("iam")
    assert (
        iam.get_role(RoleName=made["RoleName"])["Role"]["AssumeRolePolicyDocument"] == made["AssumeRolePolicyDocument"]
    )
    (policy,) = made["Policies"]
    (present,) = iam.list_role_policies(RoleName=made["RoleName"])["PolicyNames"]
    documents = iam.get_role_policy(RoleName=made["RoleName"], PolicyName=present)["PolicyDocument"]
    assert documents["Statement"] == policy["PolicyDocument"]["Statement"]


def test_key_workgroup_and_topic_have_the_same_names(world: World, stack: Stack) -> None:
    (alias,) = stack.of_type("AWS::KMS::Alias").values()
    assert world.clients.client("kms").describe_key(KeyId=alias["AliasName"])["KeyMetadata"]["Enabled"]
    (workgroup,) = stack.of_type("AWS::Athena::WorkGroup").values()
    present = world.clients.client("athena").get_work_group(WorkGroup=workgroup["Name"])["WorkGroup"]["Configuration"]
    made = workgroup["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"]
    assert present["ResultConfiguration"]["OutputLocation"] == made
    topics = [topic["TopicArn"].rpartition(":")[2] for topic in world.clients.client("sns").list_topics()["Topics"]]
    assert topics == [topic["TopicName"] for topic in stack.of_type("AWS::SNS::Topic").values()]
