"""Every message that can reach the queue is recognised, and none breaks the sensor."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.aws.arn import Exportable
from rds_lake.model.events.kinds import (
    BackupFailed,
    Event,
    ExportEnded,
    ExportWritten,
    ForeignEvent,
    JobEnded,
    JsonArrived,
    MalformedEvent,
    SnapshotCreated,
)
from rds_lake.model.events.parse import parse_events
from rds_lake.model.exports.task import ExportStatus

RDS = "arn:aws:rds:us-east-1:123456789012"
ARNS = {
    Exportable.SNAPSHOT: f"{RDS}:snapshot:rds:shop-prod-2026-11-20-05-06",
    Exportable.CLUSTER_SNAPSHOT: f"{RDS}:cluster-snapshot:rds:shop-aurora-2026-11-20-05-06",
    Exportable.CLUSTER: f"{RDS}:cluster:shop-aurora",
}
TYPES = {
    Exportable.SNAPSHOT: ("SNAPSHOT", "RDS DB Snapshot Event"),
    Exportable.CLUSTER_SNAPSHOT: ("CLUSTER_SNAPSHOT", "RDS DB Cluster Snapshot Event"),
    Exportable.CLUSTER: ("CLUSTER", "RDS DB Cluster Event"),
}
ARN = ARNS[Exportable.SNAPSHOT]


def envelope(event_id: str | None, about: Exportable, message: str = "", **detail: Any) -> dict[str, Any]:
    source_type, detail_type = TYPES[about]
    body = {
        "EventCategories": ["notification"],
        "SourceType": source_type,
        "SourceArn": ARNS[about],
        "Date": "2026-11-20T05:06:07.123Z",
        "Message": message,
        "SourceIdentifier": ARNS[about].rpartition(":")[2],
    }
    body |= ({"EventID": event_id} if event_id else {}) | detail
    return {
        "version": "0",
        "detail-type": detail_type,
        "source": "aws.rds",
        "resources": [ARNS[about]],
        "detail": body,
    }


def rds_event(event_id: str | None, message: str = "", about: Exportable = Exportable.SNAPSHOT, **detail: Any) -> str:
    return json.dumps(envelope(event_id, about, message, **detail))


def parse(body: str) -> Event:
    (event,) = parse_events(body)
    return event


@pytest.mark.parametrize(
    ("number", "about"),
    [
        ("0091", Exportable.SNAPSHOT),
        ("0042", Exportable.SNAPSHOT),
        ("0060", Exportable.SNAPSHOT),
        ("0197", Exportable.SNAPSHOT),
        ("0169", Exportable.CLUSTER_SNAPSHOT),
        ("0075", Exportable.CLUSTER_SNAPSHOT),
    ],
)
def test_a_finished_snapshot_is_recognised_by_its_event_id(number: str, about: Exportable) -> None:
    event_id = f"RDS-EVENT-{number}"
    expected = SnapshotCreated(about=about, reference=ARNS[about], event_id=event_id)
    assert parse(rds_event(event_id, "any words", about)) == expected


@pytest.mark.parametrize(
    ("number", "about", "outcome"),
    [
        (159, Exportable.SNAPSHOT, ExportStatus.FAILED),
        (160, Exportable.SNAPSHOT, ExportStatus.CANCELED),
        (161, Exportable.SNAPSHOT, ExportStatus.COMPLETE),
        (162, Exportable.CLUSTER_SNAPSHOT, ExportStatus.FAILED),
        (163, Exportable.CLUSTER_SNAPSHOT, ExportStatus.CANCELED),
        (164, Exportable.CLUSTER_SNAPSHOT, ExportStatus.COMPLETE),
        (234, Exportable.CLUSTER, ExportStatus.FAILED),
        (235, Exportable.CLUSTER, ExportStatus.CANCELED),
        (236, Exportable.CLUSTER, ExportStatus.COMPLETE),
    ],
)
def test_the_end_of_an_export_is_recognised_whatever_its_text_says(
    number: int, about: Exportable, outcome: ExportStatus
) -> None:
    event_id = f"RDS-EVENT-0{number}"
    expected = ExportEnded(about=about, reference=ARNS[about], outcome=outcome, event_id=event_id)
    assert parse(rds_event(event_id, "any words", about)) == expected


@pytest.mark.parametrize("number", ["0040", "0090", "0041", "0059", "0061", "0196", "0190"])
def test_snapshots_in_the_making_copied_or_deleted_are_foreign(number: str) -> None:
    assert isinstance(parse(rds_event(f"RDS-EVENT-{number}")), ForeignEvent)


@pytest.mark.parametrize("number", ["0074", "0168", "0489", "0491", "0492", "0493"])
def test_cluster_snapshots_in_the_making_and_progress_reports_are_foreign(number: str) -> None:
    assert isinstance(parse(rds_event(f"RDS-EVENT-{number}", about=Exportable.CLUSTER_SNAPSHOT)), ForeignEvent)


@pytest.mark.parametrize(
    ("message", "about", "expected"),
    [
        ("Automated snapshot created", Exportable.SNAPSHOT, "RDS-EVENT-0091"),
        ("automated snapshot created.", Exportable.SNAPSHOT, "RDS-EVENT-0091"),
        ("Manual snapshot created", Exportable.SNAPSHOT, "RDS-EVENT-0042"),
        ("Export task completed", Exportable.SNAPSHOT, "RDS-EVENT-0161"),
        ("The snapshot export task failed.", Exportable.SNAPSHOT, "RDS-EVENT-0159"),
        ("Automated cluster snapshot created", Exportable.CLUSTER_SNAPSHOT, "RDS-EVENT-0169"),
        ("Manual cluster snapshot created", Exportable.CLUSTER_SNAPSHOT, "RDS-EVENT-0075"),
        ("Export task completed", Exportable.CLUSTER_SNAPSHOT, "RDS-EVENT-0164"),
        ("The cluster snapshot export task was canceled.", Exportable.CLUSTER_SNAPSHOT, "RDS-EVENT-0163"),
        ("Export task failed.", Exportable.CLUSTER, "RDS-EVENT-0234"),
        ("Export task canceled.", Exportable.CLUSTER, "RDS-EVENT-0235"),
        ("Export task completed.", Exportable.CLUSTER, "RDS-EVENT-0236"),
    ],
)
def test_an_event_of_the_older_kind_without_id_is_recognised_by_its_text(
    message: str, about: Exportable, expected: str
) -> None:
    event = parse(rds_event(None, message, about))
    assert isinstance(event, SnapshotCreated | ExportEnded)
    assert event.event_id == expected


def test_an_id_that_contradicts_its_source_type_is_not_trusted() -> None:
    """AWS used 0043 for two things before."""
    assert isinstance(parse(rds_event("RDS-EVENT-0091", SourceType="CLUSTER")), ForeignEvent)
    other = rds_event("RDS-EVENT-0091", SourceArn=ARNS[Exportable.CLUSTER])
    assert isinstance(parse(other), MalformedEvent)


def sns(text: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Message": text})


@pytest.mark.parametrize(
    "wrap",
    [
        sns,
        lambda text: json.dumps({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]}),
        lambda text: json.dumps({"Records": [{"messageId": "1", "body": text}]}),
        lambda text: json.dumps({"Records": [{"messageId": "1", "body": sns(text)}]}),
        lambda text: sns(sns(text)),
    ],
)
def test_sns_sqs_and_lambda_wrappers_are_taken_off(wrap: Any) -> None:
    assert parse(wrap(rds_event("RDS-EVENT-0091"))) == parse(rds_event("RDS-EVENT-0091"))


def subscription(event_id: str, source: str = "db-snapshot", **changes: Any) -> str:
    link = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html"
    return json.dumps({"Event Source": source, "Source ID": "snap-1", "Event ID": f"{link}#{event_id}"} | changes)


def test_an_rds_event_subscription_names_its_snapshot_without_an_arn() -> None:
    assert parse(sns(subscription("RDS-EVENT-0091"))) == SnapshotCreated(
        about=Exportable.SNAPSHOT, reference="snap-1", event_id="RDS-EVENT-0091"
    )
    with_arn = subscription(
        "RDS-EVENT-0164", "db-cluster-snapshot", **{"Source ARN": ARNS[Exportable.CLUSTER_SNAPSHOT]}
    )
    assert parse(with_arn) == parse(rds_event("RDS-EVENT-0164", about=Exportable.CLUSTER_SNAPSHOT))
    assert isinstance(parse(subscription("RDS-EVENT-0049", "db-instance")), ForeignEvent)


def backup(state: str, *, resources: list[Any] | None = None, **detail: Any) -> str:
    body = {"backupJobId": "A827233A-D405", "state": state} | detail
    kind = "Backup Job State Change"
    return json.dumps({"source": "aws.backup", "detail-type": kind, "resources": resources or [], "detail": body})


@pytest.mark.parametrize("about", [Exportable.SNAPSHOT, Exportable.CLUSTER_SNAPSHOT])
def test_a_completed_backup_job_is_a_created_snapshot(about: Exportable) -> None:
    arn = f"{RDS}:{about}:awsbackup:job-a827233a"
    event = parse(backup("COMPLETED", resources=[arn]))
    assert isinstance(event, SnapshotCreated)
    assert (event.about, event.reference) == (about, arn)


@pytest.mark.parametrize("state", ["CREATED", "PENDING", "RUNNING", "ABORTING"])
def test_a_backup_job_on_its_way_is_foreign(state: str) -> None:
    assert isinstance(parse(backup(state)), ForeignEvent)


@pytest.mark.parametrize("state", ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"])
def test_a_backup_job_that_failed_names_the_database(state: str) -> None:
    message = '"Insufficient privileges"'
    event = parse(backup(state, resourceArn=f"{RDS}:db:shop-prod", statusMessage=message))
    assert event == BackupFailed(
        job="a827233a-d405", state=state, resource_arn=f"{RDS}:db:shop-prod", message="Insufficient privileges"
    )


def test_backups_of_other_things_are_foreign() -> None:
    assert isinstance(
        parse(backup("COMPLETED", resources=["arn:aws:backup:us-east-1:1:recovery-point:x"])), ForeignEvent
    )
    assert isinstance(parse(backup("FAILED", resourceArn="arn:aws:ec2:us-east-1:1:volume/vol-1")), ForeignEvent)
    assert isinstance(parse(backup("FAILED")), ForeignEvent)


@pytest.mark.parametrize(
    ("key", "asks"), [("jobs/a.json", True), ("jobs/a.json.errors.json", False), ("jobs/a.gz", False)]
)
def test_another_json_that_arrives_may_ask_for_a_run_of_a_warehouse(key: str, asks: bool) -> None:
    detail = {"bucket": {"name": "acme-drop"}, "object": {"key": key, "etag": "0a1b"}}
    event = parse(json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}))
    assert isinstance(event, ForeignEvent) is not asks
    if asks:
        direct = {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "acme-drop"}, "object": {"key": key, "eTag": "0a1b"}},
        }
        assert (
            event == JsonArrived(bucket="acme-drop", key=key, etag="0a1b") == parse(json.dumps({"Records": [direct]}))
        )


def test_the_last_file_of_an_export_names_its_task_in_both_of_s3s_notifications() -> None:
    key = "exports/shop-prod-1/export_info_shop-prod-1.json"
    direct = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key.replace("/", "%2F")}}}
    assert parse(json.dumps({"Records": [direct]})) == ExportWritten(export_task="shop-prod-1")
    bridge = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key}}}
    assert parse(json.dumps(bridge)) == ExportWritten(export_task="shop-prod-1")
    bridge["detail-type"] = "Object Deleted"
    assert isinstance(parse(json.dumps(bridge)), ForeignEvent)


def test_a_message_of_several_records_is_several_events() -> None:
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "a+b.parquet"}}}
    first, second, third = parse_events(json.dumps({"Records": [record, {"body": rds_event("RDS-EVENT-0091")}, 7]}))
    assert isinstance(first, ForeignEvent)
    assert isinstance(second, SnapshotCreated)
    assert isinstance(third, MalformedEvent)
    assert isinstance(parse('{"Records": []}'), ForeignEvent)


@pytest.mark.parametrize(
    "name",
    [
        "rds/rds-db-cluster-event.json",
        "rds/rds-db-cluster-snapshot-event.json",
        "rds/rds-db-instance-event.json",
        "rds/rds-db-snapshot-event-0041-deleted.json",
        "backup/backup-job-created.json",
        "backup/backup-job-completed.json",
        "athena/athena-query-state-change-succeeded.json",
        "s3/s3-eventbridge-object-created.json",
        "s3/s3-notification-objectcreated-put-v2.1.json",
        "s3/s3SqsEvent.json",
        "s3/s3-test-event.json",
    ],
)
def test_awss_own_samples_of_other_events_are_foreign_and_not_malformed(samples: Path, name: str) -> None:
    assert isinstance(parse((samples / "events" / name).read_text(encoding="utf-8")), ForeignEvent)


def test_awss_own_sample_of_a_subscription_is_a_created_snapshot(samples: Path) -> None:
    event = parse((samples / "events" / "rds" / "sns-rds-db-snapshot-0091.json").read_text(encoding="utf-8"))
    assert event == SnapshotCreated(about=Exportable.SNAPSHOT, reference="<SNAPSHOT_NAME>", event_id="RDS-EVENT-0091")


def test_none_of_awss_samples_is_malformed(samples: Path) -> None:
    bodies = [path.read_text(encoding="utf-8") for path in sorted((samples / "events").rglob("*.json"))]
    assert len(bodies) == 17
    assert not [body for body in bodies for event in parse_events(body) if isinstance(event, MalformedEvent)]


@pytest.mark.parametrize("body", ["", "not json", "[]", '"text"', "null", "[" * 100_000])
def test_what_is_no_event_at_all_is_malformed(body: str) -> None:
    assert isinstance(parse(body), MalformedEvent)


@pytest.mark.parametrize("arn", [None, "", "arn:aws:s3:::bucket", 7, {"a": 1}])
def test_a_snapshot_event_without_a_snapshots_arn_is_malformed(arn: Any) -> None:
    assert isinstance(parse(rds_event("RDS-EVENT-0091", SourceArn=arn)), MalformedEvent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=200) | json_values.map(json.dumps))
def test_no_text_whatever_raises(body: str) -> None:
    parse_events(body)


@given(place=st.sampled_from(["source", "detail", "EventID", "SourceArn", "Message", "SourceType"]), value=json_values)
def test_no_wrong_value_in_a_real_event_raises(place: str, value: Any) -> None:
    event = copy.deepcopy(json.loads(rds_event("RDS-EVENT-0091")))
    (event if place in event else event["detail"])[place] = value
    parse_events(json.dumps(event))


def glue_event(state: str, kind: str = "Glue Job State Change", **detail: Any) -> str:
    body = {
        "jobName": "rds-lake-convert",
        "severity": "INFO",
        "state": state,
        "jobRunId": "jr_1",
        "message": ".",
    } | detail
    return json.dumps({"source": "aws.glue", "detail-type": kind, "resources": [], "detail": body})


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"])
def test_the_end_of_a_run_of_glue_names_job_and_run(state: str) -> None:
    assert parse(glue_event(state)) == JobEnded(job="rds-lake-convert", run="jr_1")


def test_other_events_of_glue_are_foreign_and_an_end_without_its_run_is_malformed() -> None:
    assert isinstance(parse(glue_event("RUNNING", "Glue Job Run Status")), ForeignEvent)
    assert isinstance(parse(glue_event("RUNNING")), ForeignEvent)
    assert isinstance(parse(glue_event("Succeeded", "Glue Crawler State Change")), ForeignEvent)
    assert isinstance(parse(glue_event("FAILED", jobRunId=None)), MalformedEvent)
