"""What no linter sees of a template: who may send, who is refused, what is encrypted, what bounds a role."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS, config_of, template_of
from rds_lake_tests.infra.template.resolved import REGIONS, Stack, deployed, policies

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bounded"


def stack_of(name: str, **parameters: str) -> Stack:
    return deployed(template_of(name).body, PARAMETERS[name] | parameters)


def statements(document: dict[str, Any], effect: str) -> list[dict[str, Any]]:
    return [statement for statement in document["Statement"] if statement["Effect"] == effect]


@pytest.mark.parametrize("name", LAKES)
def test_nothing_is_allowed_to_everybody(name: str) -> None:
    for where, document in policies(stack_of(name)).items():
        for statement in statements(document, "Allow"):
            assert statement.get("Principal") not in ("*", {"AWS": "*"}), where
            assert "*" not in statement["Action"], where


@pytest.mark.parametrize("name", LAKES)
def test_a_queue_takes_events_from_the_rules_of_this_lake_alone(name: str) -> None:
    stack = stack_of(name)
    rules = {
        f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule['Name']}"
        for rule in stack.of_type("AWS::Events::Rule").values()
        if "EventPattern" in rule
    }
    allowed = {
        queue: allow
        for queue, properties in stack.of_type("AWS::SQS::QueuePolicy").items()
        for allow in statements(properties["PolicyDocument"], "Allow")
    }
    assert allowed.keys() == {"EventsQueuePolicy", "UndeliveredPolicy"}
    for allow in allowed.values():
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert set(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules


@pytest.mark.parametrize("name", LAKES)
def test_every_bucket_queue_and_topic_refuses_who_does_not_come_by_tls(name: str) -> None:
    stack = stack_of(name)
    refusing = {
        arn
        for where, document in policies(stack).items()
        for deny in statements(document, "Deny")
        if deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} and deny["Principal"] == "*" and where
        for arn in (deny["Resource"] if isinstance(deny["Resource"], list) else [deny["Resource"]])
    }
    buckets = [bucket["BucketName"] for bucket in stack.of_type("AWS::S3::Bucket").values()]
    queues = [queue["QueueName"] for queue in stack.of_type("AWS::SQS::Queue").values()]
    topics = [topic["TopicName"] for topic in stack.of_type("AWS::SNS::Topic").values()]
    assert len(queues) == 3
    assert refusing == {
        *(f"arn:aws:s3:::{bucket}{rest}" for bucket in buckets for rest in ("", "/*")),
        *(f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}" for queue in queues),
        *(f"arn:aws:sns:us-east-1:{ACCOUNT}:{topic}" for topic in topics),
    }


@pytest.mark.parametrize("name", LAKES)
def test_every_role_has_the_boundary_that_is_given_and_none_without(name: str) -> None:
    plan = {"BackupPlan": "new"} if name in ("aurora and backup", "all") else {}
    for role in stack_of(name, PermissionsBoundaryArn=BOUNDARY, **plan).of_type("AWS::IAM::Role").values():
        assert role["PermissionsBoundary"] == BOUNDARY
    for role in stack_of(name, **plan).of_type("AWS::IAM::Role").values():
        assert "PermissionsBoundary" not in role


@pytest.mark.parametrize("name", LAKES)
def test_buckets_queues_topic_and_results_are_encrypted_with_the_lakes_key_where_it_has_one(name: str) -> None:
    stack = stack_of(name)
    has_key = name not in ("dynamodb", "dynamodb by glue")
    assert all(queue["SqsManagedSseEnabled"] for queue in stack.of_type("AWS::SQS::Queue").values())
    for bucket in stack.of_type("AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert ("KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"]) is has_key
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    for topic in stack.of_type("AWS::SNS::Topic").values():
        assert ("KmsMasterKeyId" in topic) is has_key
    (workgroup,) = stack.of_type("AWS::Athena::WorkGroup").values()
    configuration = workgroup["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"]
    assert ("KmsKey" in configuration["ResultConfiguration"]["EncryptionConfiguration"]) is has_key
    for job in stack.of_type("AWS::Glue::Job").values():
        assert ("SecurityConfiguration" in job) is has_key


def test_the_keys_policy_lets_the_accounts_policies_count_and_services_bring_messages() -> None:
    (key,) = stack_of("all").of_type("AWS::KMS::Key").values()
    by_sid = {statement["Sid"]: statement for statement in key["KeyPolicy"]["Statement"]}
    assert by_sid["AccountAndItsPolicies"]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert key["EnableKeyRotation"]
    assert "Condition" not in by_sid["Events"], "EventBridge sends KMS no aws:SourceArn: the rule would fail in silence"
    for sid in ("Alarms", "Topic"):
        assert by_sid[sid]["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


@pytest.mark.parametrize("name", LAKES)
def test_no_partition_and_no_account_stands_in_a_template_but_what_lake_yaml_says_of_existing_objects(
    name: str,
) -> None:
    body = template_of(name).body
    text = json.dumps({section: value for section, value in body.items() if section != "Parameters"})
    for source in config_of(name).databases:
        text = text.replace((source.streams and source.streams.secret) or "\0", "")
    assert ACCOUNT not in text
    assert not re.search(r"arn:aws|amazonaws\.com\.cn|us-east-1|eu-west-1", text)
    defaults = {key: parameter["Default"] for key, parameter in body["Parameters"].items()}
    assert {key for key, value in defaults.items() if ACCOUNT in str(value)} == (
        {"KeyArn"} if name == "existing key" else set()
    )


@pytest.mark.parametrize("partition", REGIONS)
def test_every_arn_of_a_stack_is_of_the_partition_that_it_is_in(partition: str) -> None:
    stack = deployed(template_of("all").body, {"BackupPlan": "new", "PipelineRunsOn": "ec2"}, partition)
    found = set(re.findall(r"\barn:([a-z-]+):", json.dumps([stack.resources, stack.outputs])))
    assert found == {partition}
    (role,) = [role for name, role in stack.of_type("AWS::IAM::Role").items() if name == "PipelineRole"]
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"ec2.{suffix}"}
