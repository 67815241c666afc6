"""What the lake's template makes, at work: which events reach the queue, who may what, a lake without role and key."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.config.lake_yaml import load_config
from rds_lake.infra.events import event_patterns
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.fakes.glue import LocalSpark
from rds_lake_tests.support.world import DynamoWorld, World


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
    statement, only_by_tls = json.loads(attributes["Policy"])["Statement"]
    assert only_by_tls["Effect"] == "Deny"
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    rules = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert [arn.rpartition("/")[2] for arn in rules] == ["rds-lake-events"]


def put(world: World, *, source: str, kind: str, detail: dict[str, str]) -> None:
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
    world.clients.client("events").put_events(Entries=[entry])


def test_only_events_the_sensor_understands_reach_the_queue(world: World) -> None:
    world.with_source(snapshots=("automated", "backup"))
    world.provision()
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
    policy = iam.get_role_policy(RoleName="rds-lake-export", PolicyName="rds-lake")["PolicyDocument"]
    resources = [statement["Resource"] for statement in policy["Statement"]]
    assert resources == [["arn:aws:s3:::acme-lake"], ["arn:aws:s3:::acme-lake/exports/*"]]


def test_manifests_of_dynamodbs_exports_reach_the_queue_and_other_objects_do_not(world: World) -> None:
    world.of_dynamodb()
    for key in ("x/manifest-files.json", "x/data/a.json.gz", "manifest-files.json.part"):
        world.root.s3.put_text("acme-lake", f"exports/{key}", "", kms_key=None)
    assert [message["detail"]["object"]["key"] for message in world.messages()] == ["exports/x/manifest-files.json"]


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
    world.publish(day.isoformat(), job_poll_seconds=0.02)
    assert world.query("SELECT id FROM reviews") == [("1",)]
    aliases = [alias["AliasName"] for alias in world.clients.client("kms").list_aliases()["Aliases"]]
    assert [name for name in aliases if not name.startswith("alias/aws/")] == []
    assert "SecurityConfiguration" not in world.clients.client("glue").get_job(JobName="rds-lake-convert")["Job"]


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
