"""The differences between DB instances and DB clusters, as data: AWS's names, error codes, events and ARNs.

(https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Operations.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import ApiError

_ARN = re.compile(r"arn:aws:rds:([^:]+):([^:]+):(snapshot|cluster-snapshot|cluster):(.+)")
# Hyphens single and never last.
_WORD = re.compile(r"[a-z](?!.*--)[a-z0-9-]*(?<!-)", re.ASCII)
# Prefixes of the names that RDS and AWS Backup choose.
_PREFIX = re.compile(r"(rds|awsbackup):")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceKind:
    """One kind of source. Events are those before and after the content is copied."""

    word: str
    source_noun: str
    noun: str
    source_resource: str
    snapshot_resource: str
    source_missing: str
    missing: str
    exists: str
    name_filter: str
    longest_name: int
    backup_type: str
    automated: tuple[str, str]
    manual: tuple[str, str]
    copied: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    ended: Mapping[str, str] = field(default_factory=dict)

    def source_arn(self, identifier: str) -> str:
        """Returns the ARN of the instance or cluster itself."""
        return f"arn:aws:rds:{REGION}:{ACCOUNT}:{self.source_resource}:{identifier}"

    def arn(self, name: str) -> str:
        """Returns the ARN of one of its snapshots."""
        return f"arn:aws:rds:{REGION}:{ACCOUNT}:{self.snapshot_resource}:{name}"

    def not_found(self, name: str) -> ApiError:
        """Returns AWS's error for a missing snapshot."""
        return ApiError(self.missing, f"{self.noun} {name} not found.", 404)

    def source_not_found(self, identifier: str) -> ApiError:
        """Returns AWS's error for a missing instance or cluster."""
        return ApiError(self.source_missing, f"{self.source_noun} {identifier} not found.", 404)

    def is_name(self, name: str) -> bool:
        """Whether the API allows this name (in lower case) for a snapshot."""
        return len(name) <= self.longest_name and _WORD.fullmatch(name) is not None

    def is_any_name(self, name: str) -> bool:
        """Whether this is a name by `is_name`, or one that RDS and AWS Backup choose."""
        return self.is_name(_PREFIX.sub("", name, count=1))


INSTANCE = SourceKind(
    word="database",
    source_noun="DBInstance",
    noun="DBSnapshot",
    source_resource="db",
    snapshot_resource="snapshot",
    source_missing="DBInstanceNotFound",
    missing="DBSnapshotNotFound",
    exists="DBSnapshotAlreadyExists",
    name_filter="db-snapshot-id",
    longest_name=255,
    backup_type="RDS",
    automated=("RDS-EVENT-0090", "RDS-EVENT-0091"),
    manual=("RDS-EVENT-0040", "RDS-EVENT-0042"),
    copied=("RDS-EVENT-0196", "RDS-EVENT-0197"),
    deleted=("RDS-EVENT-0041",),
    ended={"FAILED": "RDS-EVENT-0159", "CANCELED": "RDS-EVENT-0160", "COMPLETE": "RDS-EVENT-0161"},
)
# AWS documents no events for copying and deleting snapshots of clusters.
CLUSTER = SourceKind(
    word="cluster",
    source_noun="DBCluster",
    noun="DBClusterSnapshot",
    source_resource="cluster",
    snapshot_resource="cluster-snapshot",
    source_missing="DBClusterNotFoundFault",
    missing="DBClusterSnapshotNotFoundFault",
    exists="DBClusterSnapshotAlreadyExistsFault",
    name_filter="db-cluster-snapshot-id",
    longest_name=63,
    backup_type="Aurora",
    automated=("RDS-EVENT-0168", "RDS-EVENT-0169"),
    manual=("RDS-EVENT-0074", "RDS-EVENT-0075"),
    ended={"FAILED": "RDS-EVENT-0162", "CANCELED": "RDS-EVENT-0163", "COMPLETE": "RDS-EVENT-0164"},
)
KINDS = (INSTANCE, CLUSTER)
# How an export of a cluster itself, not of a snapshot, ends.
LIVE_ENDED = {"FAILED": "RDS-EVENT-0234", "CANCELED": "RDS-EVENT-0235", "COMPLETE": "RDS-EVENT-0236"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """The object of an ARN: a snapshot, or (`live`) a cluster itself. `here`: in this account and Region."""

    kind: SourceKind
    identifier: str
    live: bool
    here: bool

    @property
    def ended(self) -> Mapping[str, str]:
        """Returns the event for each way in which its export may end."""
        return LIVE_ENDED if self.live else self.kind.ended

    def not_found(self) -> ApiError:
        """Returns AWS's error if the object does not exist."""
        return self.kind.source_not_found(self.identifier) if self.live else self.kind.not_found(self.identifier)


def export_source(arn: str) -> ExportSource:
    """Returns the object of the ARN, or raises AWS's refusal if exports do not accept such an ARN."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ApiError("InvalidParameterValue", f"Invalid ARN: {arn}")
    region, account, resource, identifier = match.groups()
    return ExportSource(
        kind=INSTANCE if resource == INSTANCE.snapshot_resource else CLUSTER,
        identifier=identifier,
        live=resource == CLUSTER.source_resource,
        here=(region, account) == (REGION, ACCOUNT),
    )
