"""`rds-lake setup`: everything lake.yaml names, once, and nothing changed that is there."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeSettings, load_config
from rds_lake.errors import AwsError, ConfigError
from rds_lake.infra.events import event_patterns
from rds_lake.infra.provision import Provisioner
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.fakes.glue import LocalSpark
from rds_lake_tests.support.world import DynamoWorld, World


def apply(world: World) -> list[str]:
    said: list[str] = []
    clients = AwsClients(world.aws.session(), endpoint_url=world.cloud.url)
    Provisioner(clients=clients, settings=world.config.lake, say=said.append).apply()
    return said


def test_a_second_setup_finds_everything_and_creates_nothing(world: World) -> None:
    said = apply(world)
    assert not [line for line in said if "created" in line]
    sqs = world.clients.client("sqs")
    assert len(sqs.list_queues()["QueueUrls"]) == 2
    assert len(world.clients.client("kms").list_keys()["Keys"]) == 1


def test_a_message_that_cannot_be_decided_ends_in_the_dead_letter_queue(world: World) -> None:
    url = world.gateways.queue.url
    attributes = world.clients.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(":rds-lake-events-dead")
    assert int(redrive["maxReceiveCount"]) >= 3
    assert int(attributes["VisibilityTimeout"]) >= 120, "a received message must not come again before the next tick"


def test_the_queue_takes_messages_from_the_rule_only(world: World) -> None:
    url = world.gateways.queue.url
    attributes = world.clients.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    rules = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert sorted(arn.rpartition("/")[2] for arn in rules) == sorted(event_patterns("rds-lake-events"))


def put(world: World, *, source: str, kind: str, detail: dict[str, str]) -> None:
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
    world.clients.client("events").put_events(Entries=[entry])


def test_only_events_the_sensor_understands_reach_the_queue(world: World) -> None:
    snapshot, cluster = "RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"
    put(world, source="aws.rds", kind=snapshot, detail={"EventID": "RDS-EVENT-0041"})
    put(world, source="aws.rds", kind=snapshot, detail={"EventID": "RDS-EVENT-0091"})
    put(world, source="aws.rds", kind=cluster, detail={"Message": "Automated cluster snapshot created"})
    put(world, source="aws.rds", kind="RDS DB Cluster Event", detail={"EventID": "RDS-EVENT-0236"})
    put(world, source="aws.rds", kind="RDS DB Instance Event", detail={"EventID": "RDS-EVENT-0049"})
    put(world, source="aws.backup", kind="Backup Job State Change", detail={"state": "RUNNING"})
    put(world, source="aws.backup", kind="Backup Job State Change", detail={"state": "COMPLETED"})
    arrived = [message["detail"] for message in world.messages()]
    assert sorted(str(*detail.values()) for detail in arrived) == [
        "Automated cluster snapshot created",
        "COMPLETED",
        "RDS-EVENT-0091",
        "RDS-EVENT-0236",
    ]


def test_the_export_role_can_be_assumed_by_the_export_service_and_reach_only_the_export_prefix(world: World) -> None:
    iam = world.clients.client("iam")
    role = iam.get_role(RoleName="rds-lake-export")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "export.rds.amazonaws.com"}
    policy = iam.get_role_policy(RoleName="rds-lake-export", PolicyName="rds-lake-export")["PolicyDocument"]
    resources = [statement["Resource"] for statement in policy["Statement"]]
    assert resources == [["arn:aws:s3:::acme-lake"], ["arn:aws:s3:::acme-lake/exports/*"]]


def test_manifests_of_dynamodbs_exports_reach_the_queue_and_other_objects_do_not(world: World) -> None:
    world.of_dynamodb()
    for key in ("x/manifest-files.json", "x/data/a.json.gz", "manifest-files.json.part"):
        world.gateways.s3.put_text("acme-lake", f"exports/{key}", "", kms_key=None)
    assert [message["detail"]["object"]["key"] for message in world.messages()] == ["exports/x/manifest-files.json"]


def test_other_notifications_of_a_bucket_stay(world: World) -> None:
    s3, sqs = world.clients.client("s3"), world.clients.client("sqs")
    url = sqs.create_queue(QueueName="others")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    others = [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket="acme-lake", NotificationConfiguration={"QueueConfigurations": others}
    )
    world.of_dynamodb()
    world.of_dynamodb()
    present = s3.get_bucket_notification_configuration(Bucket="acme-lake")
    assert [queue["QueueArn"] for queue in present["QueueConfigurations"]] == [arn]
    world.gateways.s3.put_text("acme-lake", "exports/x/manifest-files.json", "", kms_key=None)
    assert len(world.messages()) == 1


def test_the_ends_of_the_lakes_own_glue_job_reach_the_queue_and_no_others(world: World) -> None:
    world.with_glue()
    world.of_dynamodb("Reviews", converter="glue")
    kind = "Glue Job State Change"
    for job, state in (("rds-lake-convert", "FAILED"), ("rds-lake-convert", "RUNNING"), ("other", "FAILED")):
        put(world, source="aws.glue", kind=kind, detail={"jobName": job, "state": state, "jobRunId": "jr_1"})
    put(world, source="aws.glue", kind="Glue Job Run Status", detail={"jobName": "rds-lake-convert", "state": "FAILED"})
    (arrived,) = [message["detail"] for message in world.messages()]
    assert (arrived["jobName"], arrived["state"]) == ("rds-lake-convert", "FAILED")


def test_a_lake_of_dynamodb_alone_is_set_up_exported_and_converted_without_role_and_key(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    text = """
        lake: {bucket: acme-lake, events_queue: rds-lake-events, start_date: 2026-01-01,
               glue_role: "arn:aws:iam::123456789012:role/rds-lake-convert"}
        sources: [{name: reviews, kind: dynamodb, tables: [Reviews], converter: glue}]"""
    (tmp_path / "lake.yaml").write_text(dedent(text), encoding="utf-8")
    world = World.of(cloud, url="", config=load_config(tmp_path / "lake.yaml"))
    world.cloud.job_runs.stand_in = LocalSpark(world.clients.client("s3"))
    day = datetime.now(UTC).date() - timedelta(days=1)
    dynamo = DynamoWorld(world=world)
    dynamo.clock(datetime.now(UTC) - timedelta(days=3))
    dynamo.create("Reviews", {"id": {"S": "1"}})
    dynamo.clock(None)
    world.publish(day.isoformat(), job_poll_seconds=0.05)
    assert world.query("SELECT id FROM reviews") == [("1",)]
    aliases = [alias["AliasName"] for alias in world.clients.client("kms").list_aliases()["Aliases"]]
    assert [name for name in aliases if not name.startswith("alias/aws/")] == []
    assert "SecurityConfiguration" not in world.clients.client("glue").get_job(JobName="rds-lake-convert")["Job"]


def another_lake(world: World, **lake: object) -> LakeSettings:
    """A lake of other settings in the same account and Region."""
    return world.config.lake.model_copy(update={"bucket": "other-lake", "events_queue": "other-events"} | lake)


def set_up(world: World, settings: LakeSettings, **how: bool) -> list[str]:
    said: list[str] = []
    clients = AwsClients(world.aws.session(), endpoint_url=world.cloud.url)
    Provisioner(clients=clients, settings=settings, say=said.append, **how).apply()
    return said


def test_a_second_lake_of_the_account_takes_nothing_from_the_first(world: World) -> None:
    set_up(world, another_lake(world), dynamodb=True)
    put(world, source="aws.rds", kind="RDS DB Snapshot Event", detail={"EventID": "RDS-EVENT-0091"})
    assert len(world.messages()) == 1
    sqs = world.clients.client("sqs")
    url = sqs.get_queue_url(QueueName="other-events")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


def test_rules_that_send_elsewhere_are_named_and_left_alone(world: World) -> None:
    events = world.clients.client("events")
    events.put_rule(Name="other-events", EventPattern='{"source": ["aws.ec2"]}')
    events.put_targets(
        Rule="other-events", Targets=[{"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:theirs"}]
    )
    with pytest.raises(ConfigError, match="rule other-events sends to arn:aws:sqs:us-east-1:123456789012:theirs"):
        set_up(world, another_lake(world))
    assert events.describe_rule(Name="other-events")["EventPattern"] == '{"source": ["aws.ec2"]}'
    (target,) = events.list_targets_by_rule(Rule="other-events")["Targets"]
    assert target["Arn"].endswith(":theirs")


def test_those_that_may_send_to_an_existing_queue_still_may(world: World) -> None:
    sqs = world.clients.client("sqs")
    url = sqs.create_queue(QueueName="other-events")["QueueUrl"]
    theirs = {
        "Sid": "Bucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:other-events",
    }
    before = {"Version": "2012-10-17", "Id": "ours", "Statement": [theirs]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(before)})
    said = set_up(world, another_lake(world))
    set_up(world, another_lake(world), dynamodb=True)
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert policy["Id"] == "ours"
    first, second = policy["Statement"]
    assert first == theirs
    assert len(second["Condition"]["ArnEquals"]["aws:SourceArn"]) == 3
    assert any("without a dead-letter queue" in line for line in said)


def test_arns_of_another_account_or_region_are_all_named_before_anything_is_created(world: World) -> None:
    settings = another_lake(
        world,
        export_role="arn:aws:iam::999999999999:role/export",
        notifications="arn:aws:sns:eu-west-1:123456789012:alerts",
        kms_key="arn:aws:kms:eu-west-1:123456789012:key/1",
    )
    with pytest.raises(ConfigError, match="account 123456789012, Region us-east-1; nothing was created") as refused:
        set_up(world, settings)
    assert len(refused.value.problems) == 3
    assert "other-lake" not in [bucket["Name"] for bucket in world.clients.client("s3").list_buckets()["Buckets"]]


def test_a_topic_of_another_account_is_not_created_here(world: World) -> None:
    topic = "arn:aws:sns:us-east-1:999999999999:alerts"
    said = set_up(world, another_lake(world, notifications=topic))
    assert any(f"{topic} belongs to account 999999999999" in line for line in said)
    assert not [t for t in world.clients.client("sns").list_topics()["Topics"] if t["TopicArn"].endswith(":alerts")]


def test_a_rule_whose_target_is_refused_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "queue", "ErrorCode": "LimitExceeded"}]}
    clients = AwsClients(world.aws.session(), endpoint_url=world.cloud.url)
    monkeypatch.setattr(clients.client("events"), "put_targets", lambda **_: refused)
    with pytest.raises(AwsError, match="LimitExceeded"):
        Provisioner(clients=clients, settings=another_lake(world), say=lambda line: None).apply()


def test_a_glue_job_of_another_lake_is_refused_and_left_alone(world: World) -> None:
    world.with_glue()
    world.of_dynamodb("Reviews", converter="glue")
    glue = world.clients.client("glue")
    before = glue.get_job(JobName="rds-lake-convert")["Job"]["Command"]["ScriptLocation"]
    role = "arn:aws:iam::123456789012:role/rds-lake-convert"
    with pytest.raises(ConfigError, match="`glue_job:`"):
        set_up(world, another_lake(world, glue_role=role), dynamodb=True, glue_job=True)
    assert glue.get_job(JobName="rds-lake-convert")["Job"]["Command"]["ScriptLocation"] == before


@example(queue="rds-lake-events", other="rds-lake-event")
@example(queue="a-backup", other="a")
@given(
    queue=st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True),
    other=st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True),
)
def test_rules_of_two_queues_never_have_one_name(queue: str, other: str) -> None:
    everything = {"exports_bucket": "b", "glue_job": "j"}
    names = [*event_patterns(queue, **everything), *(event_patterns(other, **everything) if other != queue else ())]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name) for name in names)
