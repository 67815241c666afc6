"""Events as AWS would send them for the sources of a lake.yaml, to test rules with.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html,
https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import input_folders
from rds_lake.infra.policy.names import Names
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.dynamodb.glue_run import ENDED as JOB_ENDED
from rds_lake.model.dynamodb.tables import MANIFESTS
from rds_lake.model.events.ids import CREATED, ENDED

_TYPES = {
    Exportable.SNAPSHOT: ("RDS DB Snapshot Event", "SNAPSHOT"),
    Exportable.CLUSTER_SNAPSHOT: ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"),
    Exportable.CLUSTER: ("RDS DB Cluster Event", "CLUSTER"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An event, and its name: `RDS-EVENT-0091 of shop`."""

    said: str
    event: Mapping[str, Any]


def sample_events(what: str, config: LakeConfig, names: Names) -> Iterator[Sample]:
    """Returns the events of a rule; `what`: its name in `infra/template/queues.py`."""
    if what == "Rds":
        for source in config.databases:
            yield from _of_rds(source, names)
    elif what == "Backup":
        for source in (source for source in config.databases if "backup" in source.snapshots):
            yield _sample(
                f"the backup job of {source.name}",
                names,
                ("aws.backup", "Backup Job State Change"),
                {"state": "COMPLETED", "backupJobId": "1", "resourceType": "RDS"},
            )
    elif what == "Manifest":
        bucket, prefix = config.lake.exports_bucket, config.lake.export_prefix
        for name in MANIFESTS:
            key = "/".join(filter(None, (prefix, "AWSDynamoDB/01700000000000-a1b2c3d4", name)))
            detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}, "reason": "PutObject"}
            yield _sample(f"the new object {name}", names, ("aws.s3", "Object Created"), detail)
    elif what == "Input":
        for folder in input_folders(config):
            bucket, _, prefix = folder.removeprefix("s3://").partition("/")
            detail = {
                "bucket": {"name": bucket},
                "object": {"key": f"{prefix}november.json", "size": 1},
                "reason": "PutObject",
            }
            yield _sample(f"a new JSON in {folder}", names, ("aws.s3", "Object Created"), detail)
    else:
        for state in JOB_ENDED:
            detail = {"jobName": config.lake.glue_job, "state": state, "jobRunId": "jr_1", "severity": "INFO"}
            yield _sample(f"a run that is {state}", names, ("aws.glue", "Glue Job State Change"), detail)


def _of_rds(source: Database, names: Names) -> Iterator[Sample]:
    kinds = {Exportable.CLUSTER} if "live" in source.snapshots else set[Exportable]()
    if any(kind != "live" for kind in source.snapshots):
        kinds.add(source.snapshot_about)
    about = {**CREATED} | {event: kind for event, (kind, _) in ENDED.items()}
    for event_id, kind in sorted(about.items()):
        if kind not in kinds:
            continue
        detail_type, source_type = _TYPES[kind]
        name = source.identifier if kind is Exportable.CLUSTER else f"rds:{source.identifier}-2026-11-20-05-06"
        arn = names.arn("rds", f"{kind.value}:{name}")
        detail = {
            "EventCategories": ["notification"],
            "SourceType": source_type,
            "SourceArn": arn,
            "SourceIdentifier": name,
            "Date": "2026-11-20T05:06:07.000Z",
            "Message": "",
            "EventID": event_id,
        }
        yield _sample(f"{event_id} of {source.name}", names, ("aws.rds", detail_type), detail, arn)


def _sample(said: str, names: Names, kind: tuple[str, str], detail: Mapping[str, Any], *resources: str) -> Sample:
    source, detail_type = kind
    event = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "source": source,
        "detail-type": detail_type,
        "account": names.account,
        "region": names.region,
        "time": "2026-11-20T05:06:07Z",
        "resources": list(resources),
        "detail": detail,
    }
    return Sample(said=said, event=event)
