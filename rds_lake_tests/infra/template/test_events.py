"""Which events the rules of a stack let through: the samples that AWS publishes, and every EventID that docs/events.md names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rds_lake_tests.infra.template.lakes import template_of
from rds_lake_tests.infra.template.resolved import deployed

matching = pytest.importorskip("moto.events.models")


def rules_for(event: dict[str, Any], name: str = "all") -> set[str]:
    """The rules of a lake that the event matches."""
    rules = deployed(template_of(name).body, {}).of_type("AWS::Events::Rule")
    return {
        logical
        for logical, rule in rules.items()
        if matching.EventPattern(None, rule["EventPattern"]).matches_event(event)
    }


def load(samples: Path, name: str) -> dict[str, Any]:
    return json.loads((samples / "events" / name).read_text(encoding="utf-8"))


def test_of_the_samples_only_the_finished_backup_reaches_the_queue(samples: Path) -> None:
    files = sorted((samples / "events").rglob("*.json"))
    assert len(files) >= 17
    reaching = {
        file.name: rules for file in files if (rules := rules_for(json.loads(file.read_text(encoding="utf-8"))))
    }
    assert reaching == {"backup-job-completed.json": {"BackupRule"}}


def documented(root: Path) -> dict[str, bool]:
    """EventID of docs/events.md -> whether it has a run or is foreign there."""
    text = (root / "docs" / "events.md").read_text(encoding="utf-8").split("## Incidents")[0]
    cells = [cell for line in text.splitlines() if line.startswith("| ") for cell in line.split("|")[2:]]
    return {number: "foreign" not in cell for cell in cells for number in re.findall(r"\b0\d{3}\b", cell)}


def test_an_event_of_rds_reaches_the_queue_exactly_where_the_page_says_what_becomes_of_it(
    root: Path, samples: Path
) -> None:
    events = documented(root)
    assert len(events) >= 25
    files = (
        "rds-db-snapshot-event-0041-deleted.json",
        "rds-db-cluster-snapshot-event.json",
        "rds-db-cluster-event.json",
    )
    for number, wanted in events.items():
        for file in files:
            event = load(samples, f"rds/{file}")
            event["detail"]["EventID"] = f"RDS-EVENT-{number}"
            assert rules_for(event) == ({"RdsRule"} if wanted else set()), number


def test_an_event_of_a_cluster_without_an_id_reaches_the_queue_and_one_of_an_instance_never_does(samples: Path) -> None:
    event = load(samples, "rds/rds-db-cluster-snapshot-event.json")
    del event["detail"]["EventID"]
    assert rules_for(event) == {"RdsRule"}
    instance = load(samples, "rds/rds-db-instance-event.json")
    instance["detail"]["EventID"] = "RDS-EVENT-0091"
    assert rules_for(instance) == set()


@pytest.mark.parametrize(
    "state", ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL", "CREATED", "PENDING", "RUNNING", "ABORTING"]
)
def test_a_backup_job_reaches_the_queue_when_it_has_ended(samples: Path, state: str) -> None:
    event = load(samples, "backup/backup-job-completed.json")
    event["detail"]["state"] = state
    assert rules_for(event) == (set() if state in ("CREATED", "PENDING", "RUNNING", "ABORTING") else {"BackupRule"})


@pytest.mark.parametrize(
    ("bucket", "key", "wanted"),
    [
        ("acme-exports", "exports/reviews-2026-11-20/AWSDynamoDB/01-a/manifest-files.json", True),
        ("acme-exports", "exports/reviews-2026-11-20/AWSDynamoDB/01-a/manifest-summary.json", True),
        ("acme-exports", "exports/reviews-2026-11-20/AWSDynamoDB/01-a/data/a.json.gz", False),
        ("others", "exports/reviews-2026-11-20/AWSDynamoDB/01-a/manifest-files.json", False),
    ],
)
def test_of_the_objects_of_an_export_its_manifests_reach_the_queue(
    samples: Path, bucket: str, key: str, wanted: bool
) -> None:
    event = load(samples, "s3/s3-eventbridge-object-created.json")
    event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = bucket, key
    assert rules_for(event) == ({"ManifestRule"} if wanted else set())


@pytest.mark.parametrize(
    ("job", "state", "wanted"),
    [
        *(("acme-convert", state, True) for state in ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")),
        ("acme-convert", "RUNNING", False),
        ("others", "FAILED", False),
    ],
)
def test_a_run_of_the_lakes_own_glue_job_reaches_the_queue_when_it_has_ended(
    job: str, state: str, wanted: bool
) -> None:
    event = {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": {"jobName": job, "state": state}}
    assert rules_for(event) == ({"ConversionRule"} if wanted else set())
