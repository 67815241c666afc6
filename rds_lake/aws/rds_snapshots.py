"""The fields of an RDS snapshot, and the time of the data in a copied snapshot.

AWS's different names for instances and clusters are in one table, `SNAPSHOT_APIS`.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBSnapshot.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBClusterSnapshot.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from rds_lake.errors import AwsError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import BACKUP, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotApi:
    """AWS's names of fields and calls for one kind of snapshot."""

    operation: Literal["describe_db_snapshots", "describe_db_cluster_snapshots"]
    items: str
    arn: str
    identifier: str
    owner: str


SNAPSHOT_APIS = {
    Exportable.SNAPSHOT: SnapshotApi(
        operation="describe_db_snapshots",
        items="DBSnapshots",
        arn="DBSnapshotArn",
        identifier="DBSnapshotIdentifier",
        owner="DBInstanceIdentifier",
    ),
    Exportable.CLUSTER_SNAPSHOT: SnapshotApi(
        operation="describe_db_cluster_snapshots",
        items="DBClusterSnapshots",
        arn="DBClusterSnapshotArn",
        identifier="DBClusterSnapshotIdentifier",
        owner="DBClusterIdentifier",
    ),
}

# For a snapshot that is not a copy, AWS reports the same time twice; times that differ by less than this are the same.
_SAME_TIME = timedelta(minutes=1)
_LONGEST_CHAIN = 20  # of copies of copies
# The name of an automated snapshot contains its time.
_AUTOMATED = re.compile(r":rds:.*-(\d{4}-\d\d-\d\d-\d\d-\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A snapshot as the origin of a copy: its creation time, and the ARN of the snapshot that it was copied from, or ""."""

    made_at: datetime
    source: str


@dataclass(slots=True)
class Copies:
    """Reads snapshots, and follows copies of cluster snapshots to their origin.

    `find(operation, about, **arguments)` makes one call of AWS and returns None if AWS does not know the object. The origin of a copy
    never changes, so each origin is read only once.
    """

    find: Callable[..., Any]
    _origins: dict[str, _Origin | None] = field(default_factory=dict)

    def snapshots(self, items: Sequence[Any], api: SnapshotApi) -> list[Snapshot]:
        """Returns the snapshots of a complete list; each may be the origin of another."""
        self._origins |= {item[api.arn]: origin for item in items if (origin := _origin(item))}
        return [self.snapshot(item, api) for item in items]

    def snapshot(self, item: Any, api: SnapshotApi) -> Snapshot:
        """Returns the snapshot with the time of its data. AWS reports this time for a copied instance snapshot; for a cluster's copy
        only the source snapshot has it.
        """
        snapshot = _snapshot(item, api)
        source = item.get("SourceDBClusterSnapshotArn")
        original = item.get("OriginalSnapshotCreateTime") if not source else self._time_of_origin(source)
        if source and original is None:
            return replace(snapshot, copied_at=snapshot.created_at, unknown_origin=True)
        if original is None or original >= snapshot.created_at - _SAME_TIME:
            return snapshot
        return replace(snapshot, created_at=original, copied_at=snapshot.created_at)

    def _time_of_origin(self, arn: str) -> datetime | None:
        """Returns the time of the first snapshot in a chain of copies, or None if a snapshot of the chain is missing."""
        for _ in range(_LONGEST_CHAIN):
            if arn not in self._origins:
                self._origins[arn] = self._look_up(arn)
            origin = self._origins[arn]
            if origin is None:
                # Deleted, or in another account or Region. The name of an automated snapshot has its time.
                name = _AUTOMATED.search(arn)
                return datetime.strptime(name[1], "%Y-%m-%d-%H-%M").replace(tzinfo=UTC) if name else None
            if not origin.source:
                return origin.made_at
            arn = origin.source
        return None

    def _look_up(self, arn: str) -> _Origin | None:
        api = SNAPSHOT_APIS[Exportable.CLUSTER_SNAPSHOT]
        try:
            answer = self.find(api.operation, arn, **{api.identifier: arn})
        except AwsError as error:
            # The ARN is of another Region or account: AWS does not document which of these codes it then returns.
            if error.code not in ("InvalidParameterValue", "InvalidParameterCombination", "AccessDenied"):
                raise
            return None
        return next((_origin(item) for item in answer[api.items] if item[api.arn] == arn), None) if answer else None


def _origin(item: Any) -> _Origin | None:
    made_at = item.get("SnapshotCreateTime")
    return _Origin(made_at=made_at, source=item.get("SourceDBClusterSnapshotArn") or "") if made_at else None


def _snapshot(item: Any, api: SnapshotApi) -> Snapshot:
    return Snapshot(
        arn=item[api.arn],
        identifier=item[api.identifier],
        source_identifier=item[api.owner],
        kind=BACKUP if item[api.identifier].startswith(f"{BACKUP}:") else item.get("SnapshotType", "manual"),
        engine=item.get("Engine", ""),
        # A snapshot in creation has no time yet; 1970 is used until then.
        created_at=item.get("SnapshotCreateTime", datetime.fromtimestamp(0, UTC)),
        status=item.get("Status", "").lower(),
        size_gb=item.get("AllocatedStorage", 0),
    )
