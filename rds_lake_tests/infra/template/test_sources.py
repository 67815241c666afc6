"""A template has what the sources of lake.yaml need and nothing else, within CloudFormation's limits."""

from __future__ import annotations

import json
import re

import pytest

from rds_lake.config.lake_yaml import parse_config
from rds_lake.infra.policy.deployed import deployed as deployed_types
from rds_lake.infra.policy.names import Names
from rds_lake.infra.template.build import MOST_RESOURCES, build_template
from rds_lake.infra.template.render import INLINE_BYTES, as_yaml, size_note
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS, config_of, template_of
from rds_lake_tests.infra.template.resolved import deployed

RULES = {
    "rds": {"RdsRule"},
    "aurora": {"RdsRule"},
    "aurora and backup": {"RdsRule", "BackupRule"},
    "capture by lambda": {"RdsRule"},
    "capture by outbox": {"RdsRule", "ForwarderRule"},
    "dynamodb": {"ManifestRule"},
    "dynamodb by glue": {"ManifestRule", "ConversionRule"},
    "all": {"RdsRule", "BackupRule", "ManifestRule", "ConversionRule"},
    "existing key": {"RdsRule", "BackupRule", "ManifestRule", "ConversionRule"},
    "200 sources": {"RdsRule"},
}


@pytest.mark.parametrize("name", LAKES)
def test_there_are_the_rules_that_the_sources_need_with_an_alarm_each(name: str) -> None:
    stack = deployed(template_of(name).body, PARAMETERS[name])
    assert stack.of_type("AWS::Events::Rule").keys() == RULES[name]
    alarms = stack.of_type("AWS::CloudWatch::Alarm").values()
    watched = sorted((alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in alarms)
    rules = [rule["Name"] for rule in stack.of_type("AWS::Events::Rule").values()]
    functions = [made["FunctionName"] for made in stack.of_type("AWS::Lambda::Function").values()]
    streams = [made["DeliveryStreamName"] for made in stack.of_type("AWS::KinesisFirehose::DeliveryStream").values()]
    lost = ("Errors", "AsyncEventsDropped", "DestinationDeliveryFailures")
    assert watched == sorted(
        [
            ("ApproximateAgeOfOldestMessage", "acme-events"),
            ("ApproximateNumberOfMessagesVisible", "acme-events-dead"),
            ("ApproximateNumberOfMessagesVisible", "acme-undelivered"),
            *(("FailedInvocations", rule) for rule in rules),
            # What the schedule's function misses, the next invocation does.
            *(
                (metric, name)
                for name in functions
                for metric in lost
                if not name.endswith("forwarder") or metric == "Errors"
            ),
            *(("DeliveryToS3.DataFreshness", stream) for stream in streams),
        ]
    )
    topics = stack.of_type("AWS::SNS::Topic")
    assert all(len(alarm.get("AlarmActions", [])) == len(topics) for alarm in alarms)


@pytest.mark.parametrize("name", LAKES)
def test_an_event_that_cannot_be_delivered_is_tried_again_and_kept(name: str) -> None:
    stack = deployed(template_of(name).body, PARAMETERS[name])
    for made in stack.resources.values():
        if made["Type"] != "AWS::Events::Rule" or "ScheduleExpression" in made["Properties"]:
            continue
        (target,) = made["Properties"]["Targets"]
        assert target["Arn"].endswith(":acme-events")
        assert target["DeadLetterConfig"]["Arn"].endswith(":acme-undelivered")
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86_400
        first = {*made["DependsOn"], *re.findall(r"by the policy (\w+)", made["Properties"]["Description"])}
        assert first == {"EventsQueuePolicy", "UndeliveredPolicy"}, "a rule that may not send loses events"


@pytest.mark.parametrize("name", LAKES)
def test_the_deployers_policy_is_about_every_type_of_the_template(name: str) -> None:
    names = Names(partition="aws", region="us-east-1", account=ACCOUNT)
    types = {made["Type"] for made in template_of(name).body["Resources"].values()}
    assert types <= {kind for group in deployed_types(config_of(name), names) for kind in group.types}


def test_what_holds_data_stays_when_the_stack_is_deleted_and_messages_go() -> None:
    resources = template_of("all").body["Resources"]
    staying = {made["Type"] for made in resources.values() if made.get("DeletionPolicy") == "Retain"}
    assert staying == {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::Glue::Database",
        "AWS::Backup::BackupVault",
    }
    assert all(made.get("DeletionPolicy") == made.get("UpdateReplacePolicy") for made in resources.values())


def test_only_the_bucket_of_the_exports_sends_events_of_its_objects() -> None:
    def telling(name: str) -> list[str]:
        buckets = deployed(template_of(name).body, {}).of_type("AWS::S3::Bucket").values()
        return [bucket["BucketName"] for bucket in buckets if "NotificationConfiguration" in bucket]

    assert telling("dynamodb") == ["acme-lake"]
    assert telling("all") == ["acme-exports"]


def test_a_backup_plan_is_made_on_request_of_the_sources_that_take_its_snapshots() -> None:
    body = template_of("aurora and backup").body
    assert not deployed(body, {}).of_type("AWS::Backup::BackupPlan")
    planned = deployed(body, {"BackupPlan": "new", "BackupDays": "7"})
    (selection,) = planned.of_type("AWS::Backup::BackupSelection").values()
    assert selection["BackupSelection"]["Resources"] == [f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:saved-prod"]
    assert selection["BackupSelection"]["IamRoleArn"].endswith(":role/acme-backup")
    assert not any("Backup" in name for name in template_of("aurora").body["Parameters"])


def test_the_glue_job_is_created_after_the_security_configuration_that_it_names() -> None:
    job = template_of("all").body["Resources"]["Job"]["Properties"]
    assert job["SecurityConfiguration"] == {"Ref": "JobSecurity"}


def test_a_source_without_athena_has_no_database_and_a_lake_of_those_no_workgroup() -> None:
    text = LAKES["dynamodb"].replace("kind: dynamodb,", "kind: dynamodb, athena: false,")
    kinds = {made["Type"] for made in build_template(parse_config(text, where="test")).body["Resources"].values()}
    assert not kinds & {"AWS::Glue::Database", "AWS::Athena::WorkGroup"}


def test_two_hundred_sources_stay_within_the_limits_or_the_person_is_told() -> None:
    template = template_of("200 sources")
    assert len(template.body["Resources"]) <= MOST_RESOURCES
    assert any("takes the place of 200 names" in note for note in template.notes)
    text = as_yaml(template.body)
    assert len(text.encode()) > INLINE_BYTES
    assert "upload it to S3" in (size_note(text) or "")
    assert size_note(as_yaml(template_of("all").body)) is None


@pytest.mark.parametrize("name", LAKES)
def test_every_pattern_is_short_enough_and_names_its_sources_as_a_list(name: str) -> None:
    for rule in deployed(template_of(name).body, PARAMETERS[name]).of_type("AWS::Events::Rule").values():
        if "ScheduleExpression" in rule:
            continue
        pattern = rule["EventPattern"]
        assert len(json.dumps(pattern)) <= 4_096
        assert isinstance(pattern["source"], list)
        assert isinstance(pattern["detail-type"], list)


def test_a_lake_of_more_databases_than_a_template_holds_leaves_them_to_the_pipeline_and_says_so() -> None:
    source = "  - {{name: source_{at}, kind: rds, identifier: database-{at}-prod}}\n"
    text = LAKES["200 sources"] + "".join(source.format(at=at) for at in range(200, 500))
    template = build_template(parse_config(text, where="test"))
    kinds = [made["Type"] for made in template.body["Resources"].values()]
    assert "AWS::Glue::Database" not in kinds
    assert len(kinds) <= MOST_RESOURCES
    assert any("500 of them" in note and "The pipeline creates each" in note for note in template.notes)
