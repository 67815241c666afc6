"""The objects of a stack have the names of lake.yaml, and its outputs say them again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.config.lake_yaml import parse_config
from rds_lake.errors import ConfigError
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.template.athena import database_id
from rds_lake.infra.template.build import build_template
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS, config_of, template_of
from rds_lake_tests.infra.template.resolved import Stack, deployed

# The property with a resource's name, of the types that have one in lake.yaml or after it.
NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::IAM::Role": "RoleName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Events::Rule": "Name",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::Glue::Job": "Name",
    "AWS::Glue::SecurityConfiguration": "Name",
}


def names(stack: Stack) -> dict[str, set[str]]:
    return {
        kind: {made[key] for made in stack.of_type(kind).values()} for kind, key in NAMES.items() if stack.of_type(kind)
    }


def test_a_stack_without_parameters_has_what_lake_yaml_names() -> None:
    stack = deployed(template_of("all").body, {})
    assert names(stack) == {
        "AWS::S3::Bucket": {"acme-lake", "acme-exports"},
        "AWS::KMS::Alias": {"alias/acme"},
        "AWS::IAM::Role": {"acme-export", "acme-convert", "acme-pipeline"},
        "AWS::SQS::Queue": {"acme-events", "acme-events-dead", "acme-undelivered"},
        "AWS::SNS::Topic": {"acme-alerts"},
        "AWS::Events::Rule": {"acme-events", "acme-events.backup", "acme-events.manifest", "acme-events.conversion"},
        "AWS::Athena::WorkGroup": {"acme"},
        "AWS::Glue::Job": {"acme-convert"},
        "AWS::Glue::SecurityConfiguration": {"acme-convert"},
    }
    databases = {made["DatabaseInput"]["Name"] for made in stack.of_type("AWS::Glue::Database").values()}
    assert databases == {"shop", "crm", "saved", "reviews", "clicks"}
    assert stack.resources["ExportRole"]["Properties"]["Path"] == "/lake/"


def said(stack: Stack) -> dict[str, Any]:
    """The outputs by the key of lake.yaml that they are for."""
    found = {made["Description"]: made["Value"] for made in stack.outputs.values()}
    return {text.removeprefix("lake.yaml: "): value for text, value in found.items() if text.startswith("lake.yaml: ")}


@pytest.mark.parametrize("name", LAKES)
def test_the_outputs_of_a_stack_without_parameters_are_the_lines_of_its_lake_yaml(name: str) -> None:
    settings = config_of(name).lake
    outputs = said(deployed(template_of(name).body, PARAMETERS[name]))
    assert outputs.pop("region") == "us-east-1"
    assert outputs.pop("export_bucket") == settings.exports_bucket
    functions = {
        source.name: source.streams.function
        for source in config_of(name).databases
        if source.streams and source.streams.function
    }
    assert {source: outputs.pop(f"streams.function of {source}") for source in functions} == functions
    required = {"bucket", "events_queue", "workgroup"}
    optional = {key for key in ("export_role", "kms_key", "notifications", "glue_role") if getattr(settings, key)}
    assert outputs == {
        key: getattr(settings, key) for key in (*required, *optional, *(["glue_job"] if settings.glue_role else []))
    }


def test_a_bucket_key_topic_or_database_that_exists_is_not_created_and_is_what_the_others_use() -> None:
    given_key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/theirs"
    given_topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:theirs"
    existing = {"Bucket": "existing", "ExportBucket": "existing", "Databases": "existing"}
    stack = deployed(template_of("all").body, existing | {"KeyArn": given_key, "TopicArn": given_topic})
    kinds = {made["Type"] for made in stack.resources.values()}
    assert not kinds & {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::Glue::Database",
    }
    assert said(stack)["kms_key"] == given_key
    assert said(stack)["notifications"] == given_topic
    (policy,) = stack.resources["PipelineRole"]["Properties"]["Policies"]
    by_sid = {statement["Sid"]: statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]}
    assert by_sid["Notify"] == [given_topic]
    assert by_sid["LetExportsUseTheKey"] == [given_key]
    assert all(alarm["AlarmActions"] == [given_topic] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values())


def test_a_key_that_lake_yaml_names_by_its_id_is_used_and_none_is_created() -> None:
    text = LAKES["rds"].replace("alias/acme", "0a1b2c3d-0000-4444-8888-123456789012")
    stack = deployed(build_template(parse_config(text, where="test")).body, {})
    assert not stack.of_type("AWS::KMS::Key")
    (rule,) = stack.resources["BucketItself"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4444-8888-123456789012"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key


def test_a_topic_of_another_account_than_the_roles_is_not_created() -> None:
    text = LAKES["aurora"].replace(f"sns:us-east-1:{ACCOUNT}", "sns:us-east-1:999999999999")
    stack = deployed(build_template(parse_config(text, where="test")).body, {})
    assert not stack.of_type("AWS::SNS::Topic")
    assert said(stack)["notifications"] == "arn:aws:sns:us-east-1:999999999999:acme-alerts"


def test_a_bucket_of_another_account_and_the_workgroup_primary_are_not_created() -> None:
    text = LAKES["dynamodb"].replace("workgroup: acme", "export_bucket: theirs, export_bucket_owner: '999999999999'")
    stack = deployed(build_template(parse_config(text, where="test")).body, {})
    assert [bucket["BucketName"] for bucket in stack.of_type("AWS::S3::Bucket").values()] == ["acme-lake"]
    assert not stack.of_type("AWS::Athena::WorkGroup")


def test_a_queue_whose_dead_letter_queue_sqs_would_refuse_is_reported_before_anything_is_created() -> None:
    text = LAKES["dynamodb"].replace("acme-events", "a" * 76)
    with pytest.raises(ConfigError, match=r"shorten it in lake\.yaml to 75"):
        build_template(parse_config(text, where="test"))


@given(st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True))
def test_the_default_prefix_of_names_is_legal_whatever_the_queues_name(queue: str) -> None:
    pattern = template_of("rds").body["Parameters"]["NamePrefix"]["AllowedPattern"]
    assert re.fullmatch(pattern, name_prefix(config_of("rds").lake.model_copy(update={"events_queue": queue})))


@example("a_b", "ab")
@given(*[st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)] * 2)
def test_no_two_sources_share_the_logical_id_of_their_database(one: str, other: str) -> None:
    assert database_id(one).isalnum()
    assert (database_id(one) == database_id(other)) is (one == other)


def test_the_page_lists_exactly_the_parameters_there_are(root: Path) -> None:
    text = (root / "docs" / "template.md").read_text(encoding="utf-8")
    section = text.split("\n## Parameters\n", 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    every = {name for lake in LAKES for name in template_of(lake).body["Parameters"]}
    assert sorted(listed) == sorted(every)
