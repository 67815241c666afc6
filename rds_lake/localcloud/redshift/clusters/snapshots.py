"""Manual snapshots: names that remain after their cluster is deleted. Their content is not kept (docs/fidelity.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.redshift.clusters.life import Life

Json = dict[str, Any]


class Snapshots:
    """Snapshots by Region and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_name: dict[tuple[str, str], tuple[Json, Life]] = {}

    def reset(self) -> None:
        self._by_name = {}

    def make(self, region: str, name: str, about: Json, minutes: float, retention: int | None) -> Json:
        """Returns a new snapshot, as DescribeClusterSnapshots shows it. ClusterSnapshotAlreadyExists if the name is used."""
        if (region, name) in self._by_name:
            raise ApiError("ClusterSnapshotAlreadyExists", f"Snapshot {name} already exists.")
        now = self._clock.now()
        life = Life("creating")
        life.become("creating", now, minutes, "available")
        arn = f"arn:aws:redshift:{region}:{ACCOUNT}:snapshot:{about['ClusterIdentifier']}/{name}"
        body = about | {
            "SnapshotIdentifier": name, "SnapshotType": "manual", "SnapshotArn": arn, "OwnerAccount": ACCOUNT,
            "SnapshotCreateTime": datetime.fromtimestamp(now / 1e6, UTC), "Encrypted": True,
            "ManualSnapshotRetentionPeriod": -1 if retention is None else retention,
        }  # fmt: skip
        self._by_name[region, name] = (body, life)
        return body | {"Status": life.at(now)}

    def listed(self, region: str, params: Json) -> list[Json]:
        """Returns the snapshots of a cluster, by name, or all. ClusterSnapshotNotFound for a name that does not exist."""
        now = self._clock.now()
        shown = [
            body | {"Status": life.at(now)}
            for (where, _), (body, life) in sorted(self._by_name.items())
            if where == region
        ]
        cluster, name = params.get("ClusterIdentifier"), params.get("SnapshotIdentifier")
        matching = [
            each
            for each in shown
            if cluster in (None, each["ClusterIdentifier"]) and name in (None, each["SnapshotIdentifier"])
        ]
        if name is not None and not matching:
            raise _missing(name)
        return matching

    def delete(self, region: str, name: str) -> Json:
        """Delete a snapshot. ClusterSnapshotNotFound; InvalidClusterSnapshotState while it is being created."""
        if (region, name) not in self._by_name:
            raise _missing(name)
        body, life = self._by_name[region, name]
        state = life.at(self._clock.now())
        if state != "available":
            raise ApiError("InvalidClusterSnapshotState", f"Snapshot {name} is {state}.")
        del self._by_name[region, name]
        return body | {"Status": "deleted"}


def _missing(name: str) -> ApiError:
    return ApiError("ClusterSnapshotNotFound", f"Snapshot {name} not found.", 404)
