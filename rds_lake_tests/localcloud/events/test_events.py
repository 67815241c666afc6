"""Events of RDS and AWS Backup: which come, in which order, in AWS's envelope."""

import json
from pathlib import Path
from typing import Any

import pytest

from rds_lake_tests.localcloud.rds.aurora import CLUSTER_ARN, Aurora
from rds_lake_tests.support.world import until


def sample(samples: Path, name: str) -> dict[str, Any]:
    return json.loads((samples / "events" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "kind", "ids"),
    [
        ("database", "automated", ["0090", "0091"]),
        ("database", "manual", ["0040", "0042"]),
        ("database", "awsbackup", ["CREATED", "RUNNING", "0040", "0042", "COMPLETED"]),
        ("cluster", "automated", ["0168", "0169"]),
        ("cluster", "manual", ["0074", "0075"]),
        ("cluster", "awsbackup", ["CREATED", "RUNNING", "0074", "0075", "COMPLETED"]),
    ],
)
def test_a_snapshot_is_announced_by_the_events_of_its_kind(
    quick: Aurora, source: str, kind: str, ids: list[str]
) -> None:
    asked = {source: "shop-prod" if source == "database" else "shop-aurora", "type": kind}
    quick.snapshot(**asked)
    assert quick.heard_ids() == ids
    quick.snapshot("2026-11-21T03:00:00Z", event=False, **asked)
    assert quick.heard_ids() == [], "events are best effort: one snapshot was taken in silence"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"database": "shop-prod"}, "rds/rds-db-snapshot-event-0041-deleted.json"),
        ({"cluster": "shop-aurora"}, "rds/rds-db-cluster-snapshot-event.json"),
    ],
)
def test_a_snapshots_event_has_the_samples_envelope(
    quick: Aurora, samples: Path, source: dict[str, str], name: str
) -> None:
    arn = quick.snapshot(**source)
    expected = sample(samples, name)
    for event in quick.heard():
        assert list(event) == list(expected)
        assert set(event["detail"]) == set(expected["detail"])
        for key in ("version", "detail-type", "source", "region"):
            assert event[key] == expected[key]
        assert event["detail"]["SourceType"] == expected["detail"]["SourceType"]
        assert event["resources"] == [event["detail"]["SourceArn"]] == [arn]
        assert event["detail"]["SourceIdentifier"] == arn.split("snapshot:")[1]


def test_a_cluster_snapshots_event_has_the_live_text_and_the_samples_category(quick: Aurora, samples: Path) -> None:
    quick.snapshot()
    quick.snapshot(type="manual")
    _, automated, starting, _ = quick.heard()
    assert automated["detail"]["Message"] == "Automated cluster snapshot created"
    expected = sample(samples, "rds/rds-db-cluster-snapshot-event.json")["detail"]
    for key in ("EventCategories", "Message", "EventID"):
        assert starting["detail"][key] == expected[key]


@pytest.mark.parametrize("source", [{"database": "shop-prod"}, {"cluster": "shop-aurora"}])
def test_backups_events_name_the_snapshot_only_when_it_is_there(
    quick: Aurora, samples: Path, source: dict[str, str]
) -> None:
    arn = quick.snapshot(type="awsbackup", **source)
    created, running, completed = [event for event in quick.heard() if event["source"] == "aws.backup"]
    for event, name in ((created, "created"), (completed, "completed")):
        expected = sample(samples, f"backup/backup-job-{name}.json")
        assert list(event) == list(expected)
        assert {key: type(value) for key, value in event["detail"].items()} == {
            key: type(value) for key, value in expected["detail"].items()
        }
        assert (event["detail-type"], event["detail"]["state"]) == ("Backup Job State Change", name.upper())
    assert [event["resources"] for event in (created, running, completed)] == [[], [], [arn]]
    assert {event["detail"]["backupJobId"] for event in (created, running, completed)} == {
        arn.split("awsbackup:job-")[1]
    }
    assert completed["detail"]["resourceType"] == ("RDS" if "database" in source else "Aurora")
    assert completed["detail"]["resourceArn"].endswith(":db:shop-prod" if "database" in source else CLUSTER_ARN)


@pytest.mark.parametrize(
    ("source", "detail_type", "complete"),
    [
        ({"database": "shop-prod"}, "RDS DB Snapshot Event", "0161"),
        ({"cluster": "shop-aurora"}, "RDS DB Cluster Snapshot Event", "0164"),
        ({}, "RDS DB Cluster Event", "0236"),
    ],
    ids=["instance snapshot", "cluster snapshot", "cluster"],
)
def test_the_end_of_an_export_is_an_event_of_the_kind_of_its_source(
    aurora: Aurora, source: dict[str, str], detail_type: str, complete: str
) -> None:
    arn = aurora.snapshot(event=False, **source) if source else CLUSTER_ARN
    aurora.start(arn, "done")
    aurora.finished("done")
    (event,) = until(aurora.heard)
    assert (event["detail-type"], event["detail"]["EventID"]) == (detail_type, f"RDS-EVENT-{complete}")
    assert event["detail"]["SourceArn"] == arn
    assert event["detail"]["SourceIdentifier"] == arn.split(":", 6)[6]
    assert "export task completed" in event["detail"]["Message"].lower()


def test_a_live_clusters_event_has_the_samples_envelope(aurora: Aurora, samples: Path) -> None:
    aurora.start(CLUSTER_ARN)
    (event,) = until(aurora.heard)
    expected = sample(samples, "rds/rds-db-cluster-event.json")
    assert (list(event), set(event["detail"])) == (list(expected), set(expected["detail"]))
    assert (event["detail-type"], event["detail"]["SourceType"]) == (expected["detail-type"], "CLUSTER")


def test_copying_and_deleting_an_instances_snapshot_are_announced(quick: Aurora) -> None:
    source = quick.snapshot(database="shop-prod", event=False)
    quick.rds.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copied")
    quick.rds.delete_db_snapshot(DBSnapshotIdentifier="copied")
    events = quick.heard()
    assert [event["detail"]["EventID"][-4:] for event in events] == ["0196", "0197", "0041"]
    assert {event["detail"]["SourceIdentifier"] for event in events} == {"copied"}
