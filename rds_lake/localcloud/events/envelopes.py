"""Events of RDS, AWS Backup and Glue's jobs as EventBridge delivers them. Sending them is `sender.py`.

Real AWS refuses PutEvents with a source that begins with `aws.` from its users; only the local cloud itself sends them.
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html,
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html,
https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.localcloud.http.account import ACCOUNT, REGION

_SNAPSHOT = ("RDS DB Snapshot Event", "SNAPSHOT")
_CLUSTER_SNAPSHOT = ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT")
_CLUSTER = ("RDS DB Cluster Event", "CLUSTER")

# The documented texts, except 0164 and 0169, which were seen in real accounts; those of 0196 and 0197 paraphrase the documentation.
# Readers must not depend on a text, but on EventID.
_EVENTS = {
    "RDS-EVENT-0040": (*_SNAPSHOT, "creation", "Creating manual snapshot"),
    "RDS-EVENT-0042": (*_SNAPSHOT, "creation", "Manual snapshot created"),
    "RDS-EVENT-0090": (*_SNAPSHOT, "creation", "Creating automated snapshot"),
    "RDS-EVENT-0091": (*_SNAPSHOT, "creation", "Automated snapshot created"),
    "RDS-EVENT-0041": (*_SNAPSHOT, "deletion", "Deleted manual snapshot"),
    "RDS-EVENT-0159": (*_SNAPSHOT, "notification", "The snapshot export task failed."),
    "RDS-EVENT-0160": (*_SNAPSHOT, "notification", "The snapshot export task was canceled."),
    "RDS-EVENT-0161": (*_SNAPSHOT, "notification", "The snapshot export task completed."),
    "RDS-EVENT-0196": (*_SNAPSHOT, "notification", "Started the local copy of the snapshot."),
    "RDS-EVENT-0197": (*_SNAPSHOT, "notification", "Finished the local copy of the snapshot."),
    "RDS-EVENT-0074": (*_CLUSTER_SNAPSHOT, "backup", "Creating manual cluster snapshot"),
    "RDS-EVENT-0075": (*_CLUSTER_SNAPSHOT, "backup", "Manual cluster snapshot created"),
    "RDS-EVENT-0168": (*_CLUSTER_SNAPSHOT, "backup", "Creating automated cluster snapshot"),
    "RDS-EVENT-0169": (*_CLUSTER_SNAPSHOT, "backup", "Automated cluster snapshot created"),
    "RDS-EVENT-0162": (*_CLUSTER_SNAPSHOT, "notification", "The cluster snapshot export task failed."),
    "RDS-EVENT-0163": (*_CLUSTER_SNAPSHOT, "notification", "The cluster snapshot export task was canceled."),
    "RDS-EVENT-0164": (*_CLUSTER_SNAPSHOT, "notification", "Export task completed"),
    "RDS-EVENT-0234": (*_CLUSTER, "notification", "Export task failed."),
    "RDS-EVENT-0235": (*_CLUSTER, "notification", "Export task canceled."),
    "RDS-EVENT-0236": (*_CLUSTER, "notification", "Export task completed."),
}
BACKUP_STATES = ("CREATED", "RUNNING", "COMPLETED")
JOB_EVENT = "Glue Job State Change"
_SEVERITIES = {"FAILED": "ERROR", "TIMEOUT": "WARN"}
# What a fault can match.
EVENT_NAMES = (*_EVENTS, *BACKUP_STATES, JOB_EVENT)

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupJob:
    """A job of AWS Backup that takes a snapshot of an instance or a cluster."""

    identifier: str
    resource_type: str
    resource_arn: str
    created_at: datetime


def rds_entry(event_id: str, arn: str) -> Entry:
    """Returns an event of RDS about the snapshot or cluster of this ARN."""
    detail_type, source_type, category, message = _EVENTS[event_id]
    detail = {
        "EventCategories": [category],
        "SourceType": source_type,
        "SourceArn": arn,
        "Date": _iso(datetime.now(UTC)),
        "Message": message,
        "SourceIdentifier": arn.split(":", 6)[6],
        "EventID": event_id,
    }
    return {"Source": "aws.rds", "DetailType": detail_type, "Resources": [arn], "Detail": json.dumps(detail)}


def job_entry(job: str, run: str, state: str, message: str | None) -> Entry:
    """Returns Glue's event that a run of a job ended."""
    detail = {
        "jobName": job,
        "severity": _SEVERITIES.get(state, "INFO"),
        "state": state,
        "jobRunId": run,
        "message": message or f"Job run {state.lower()}",
    }
    return {"Source": "aws.glue", "DetailType": JOB_EVENT, "Resources": [], "Detail": json.dumps(detail)}


def backup_entry(job: BackupJob, state: str, snapshot_arn: str) -> Entry:
    """Returns AWS Backup's event about a job. Only a COMPLETED job has its snapshot's ARN; a CREATED one has few fields."""
    detail: dict[str, Any] = {
        "backupJobId": job.identifier,
        "state": state,
        "creationDate": _iso(job.created_at),
    }
    if state != "CREATED":
        detail |= _running(job)
    if state == "COMPLETED":
        detail |= {
            "backupSizeInBytes": "0",
            "bytesTransferred": "0",
            "completionDate": _iso(datetime.now(UTC)),
            "percentDone": 100,
        }
    return {
        "Source": "aws.backup",
        "DetailType": "Backup Job State Change",
        "Resources": [snapshot_arn] if state == "COMPLETED" else [],
        "Detail": json.dumps(detail),
    }


def _running(job: BackupJob) -> dict[str, Any]:
    return {
        "backupVaultArn": f"arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:Default",
        "backupVaultName": "Default",
        "bytesTransferred": "0",
        "iamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole",
        "resourceArn": job.resource_arn,
        "resourceType": job.resource_type,
        "startBy": _iso(job.created_at + timedelta(hours=8)),
        "percentDone": 0,
        "retryCount": 0,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
