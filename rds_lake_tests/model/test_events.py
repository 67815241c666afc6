"""Every message that can reach the queue is recognised, and none breaks the sensor (traps T8)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.events import ExportEnded, ForeignEvent, MalformedEvent, SnapshotCreated, parse_event
from rds_lake.model.export import ExportStatus

ARN = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-prod-2026-11-20-05-06"


def rds_event(event_id: str | None, message: str = "", **detail: Any) -> str:
    body = {
        "EventCategories": ["notification"],
        "SourceType": "SNAPSHOT",
        "SourceArn": ARN,
        "Date": "2026-11-20T05:06:07.123Z",
        "Message": message,
        "SourceIdentifier": "rds:shop-prod-2026-11-20-05-06",
    }
    body |= ({"EventID": event_id} if event_id else {}) | detail
    return json.dumps(
        {
            "version": "0",
            "detail-type": "RDS DB Snapshot Event",
            "source": "aws.rds",
            "resources": [ARN],
            "detail": body,
        }
    )


@pytest.mark.parametrize("event_id", ["RDS-EVENT-0091", "RDS-EVENT-0042"])
def test_a_finished_snapshot_is_recognised_by_its_event_id(event_id: str) -> None:
    assert parse_event(rds_event(event_id)) == SnapshotCreated(arn=ARN, event_id=event_id)


@pytest.mark.parametrize(
    ("event_id", "outcome"),
    [
        ("RDS-EVENT-0159", ExportStatus.FAILED),
        ("RDS-EVENT-0160", ExportStatus.CANCELED),
        ("RDS-EVENT-0161", ExportStatus.COMPLETE),
    ],
)
def test_the_end_of_an_export_is_recognised_whatever_its_text_says(event_id: str, outcome: ExportStatus) -> None:
    assert parse_event(rds_event(event_id, "any words")) == ExportEnded(
        source_arn=ARN, outcome=outcome, event_id=event_id
    )


@pytest.mark.parametrize(
    "message",
    ["Automated snapshot created", "automated snapshot created.", "Export task completed", "Manual snapshot created"],
)
def test_an_event_of_the_older_kind_without_id_is_recognised_by_its_text(message: str) -> None:
    assert isinstance(parse_event(rds_event(None, message)), SnapshotCreated | ExportEnded)


def test_an_event_wrapped_by_sns_is_unwrapped() -> None:
    wrapped = json.dumps({"Type": "Notification", "Message": rds_event("RDS-EVENT-0091")})
    assert isinstance(parse_event(wrapped), SnapshotCreated)


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
        "s3/s3-test-event.json",
    ],
)
def test_awss_own_samples_of_other_events_are_foreign_and_not_malformed(samples: Path, name: str) -> None:
    assert isinstance(parse_event((samples / "events" / name).read_text(encoding="utf-8")), ForeignEvent)


def test_none_of_awss_samples_is_malformed(samples: Path) -> None:
    bodies = [path.read_text(encoding="utf-8") for path in sorted((samples / "events").rglob("*.json"))]
    assert len(bodies) > 10
    assert not [body for body in bodies if isinstance(parse_event(body), MalformedEvent)]


@pytest.mark.parametrize("body", ["", "not json", "[]", '"text"', "null", "[" * 100_000])
def test_what_is_no_event_at_all_is_malformed(body: str) -> None:
    assert isinstance(parse_event(body), MalformedEvent)


@pytest.mark.parametrize("arn", [None, "", "arn:aws:s3:::bucket", 7, {"a": 1}])
def test_a_snapshot_event_without_a_snapshots_arn_is_malformed(arn: Any) -> None:
    assert isinstance(parse_event(rds_event("RDS-EVENT-0091", SourceArn=arn)), MalformedEvent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=200) | json_values.map(json.dumps))
def test_no_text_whatever_raises(body: str) -> None:
    parse_event(body)


@given(place=st.sampled_from(["source", "detail", "EventID", "SourceArn", "Message", "SourceType"]), value=json_values)
def test_no_wrong_value_in_a_real_event_raises(place: str, value: Any) -> None:
    event = copy.deepcopy(json.loads(rds_event("RDS-EVENT-0091")))
    (event if place in event else event["detail"])[place] = value
    parse_event(json.dumps(event))
