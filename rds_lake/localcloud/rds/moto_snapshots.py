"""Instances, clusters and their snapshots in moto's RDS: of any time and type, and listed as AWS lists them.

moto has no API for automated, dated or Backup snapshots, counts its quota over all types, and its lists have no pages, no
ARNs as identifiers and no Backup snapshot by identifier. `moto/test_fixes.py` shows what bare moto does.

What belongs here: moto's RDS models. Frozen content is `sources.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from moto.rds import rds_backends
from moto.rds.models import DBClusterSnapshot, DBSnapshot

from rds_lake.localcloud.databases.source import SourceDatabase
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.bare_moto import BareMoto
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.http.paging import page_of
from rds_lake.localcloud.rds.kinds import CLUSTER, INSTANCE, KINDS, SourceKind

_MANUAL_QUOTA = 100
_LISTED = ("automated", "manual")
_TYPES = (*_LISTED, "awsbackup", "shared", "public")
# There is no Aurora MariaDB. MariaDB, which can be run here, plays Aurora MySQL.
_AURORA = {"postgres": "aurora-postgresql", "mysql": "aurora-mysql", "mariadb": "aurora-mysql"}
_LOGIN = {"MasterUsername": "local", "MasterUserPassword": "not-a-secret"}


class SnapshotRecords:
    """moto's data about snapshots. Not thread-safe for one name: the caller reserves a name first."""

    def register(self, clients: InProcessClients, kind: SourceKind, identifier: str, database: SourceDatabase) -> None:
        """Add a database to moto as an instance or a cluster, without moto's snapshot of a new one."""
        rds = clients.client("rds")
        if kind is INSTANCE:
            rds.create_db_instance(
                DBInstanceIdentifier=identifier,
                DBInstanceClass="db.t3.medium",
                Engine=database.engine,
                AllocatedStorage=20,
                DBName=database.name,
                # moto has no default version of MariaDB.
                **({"EngineVersion": "10.11.6"} if database.engine == "mariadb" else {}),
                **_LOGIN,
            )
        else:
            rds.create_db_cluster(
                DBClusterIdentifier=identifier,
                Engine=_AURORA[database.engine],
                DatabaseName=database.name,
                **_LOGIN,
            )
        _snapshots(kind).clear()

    def exists(self, kind: SourceKind, name: str) -> bool:
        """Whether a snapshot of this name exists."""
        return name in _snapshots(kind)

    def check_quota(self, kind: SourceKind) -> None:
        """Refuse a manual snapshot above AWS's default quota; other snapshots do not count."""
        manual = sum(snapshot.snapshot_type == "manual" for snapshot in list(_snapshots(kind).values()))
        if manual >= _MANUAL_QUOTA:
            raise ApiError("SnapshotQuotaExceeded", f"You have reached the limit of {_MANUAL_QUOTA} manual snapshots.")

    def check_source(self, kind: SourceKind, identifier: str) -> None:
        """ApiError for an instance or cluster that moto does not have."""
        if identifier not in _sources(kind):
            raise kind.source_not_found(identifier)

    def add(
        self,
        kind: SourceKind,
        identifier: str,
        name: str,
        *,
        type_: str,
        at: datetime | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> datetime:
        """Add a snapshot of a source, of now or another time; returns when it was created."""
        model: Any = DBSnapshot if kind is INSTANCE else DBClusterSnapshot
        snapshot = model(_backend(), _sources(kind)[identifier], name, type_, tags)
        snapshot.created = at or snapshot.created
        snapshot.original_snapshot_create_time = snapshot.created
        _snapshots(kind)[name] = snapshot
        return _utc(snapshot.created)

    def mark_copy(self, kind: SourceKind, name: str, source: dict[str, Any]) -> dict[str, str]:
        """Record the source of a copy; returns the fields of AWS's answer about it: the source for a cluster's snapshot, else none."""
        if kind is INSTANCE:
            return {}
        shown = {"SourceDBClusterSnapshotArn": source[f"{kind.noun}Arn"]}
        _snapshots(kind)[name].source_db_cluster_snapshot_arn = shown["SourceDBClusterSnapshotArn"]
        return shown

    def remove(self, kind: SourceKind, name: str) -> None:
        """Forget a snapshot."""
        _snapshots(kind).pop(name, None)

    def created_at(self, kind: SourceKind, name: str) -> datetime:
        """Returns when the snapshot was created."""
        return _utc(_snapshots(kind)[name].created)


class SnapshotListings:
    """DescribeDBSnapshots and DescribeDBClusterSnapshots."""

    def __init__(self, app: LocalCloudApp) -> None:
        self._moto = BareMoto(app, "rds")
        for kind in KINDS:
            app.query_operations["rds", f"Describe{kind.noun}s"] = partial(self._describe, kind)

    def find(self, kind: SourceKind, context: RequestContext, name: str) -> dict[str, Any]:
        """Returns a snapshot as AWS describes it."""
        (snapshot,) = self._describe(kind, context, {f"{kind.noun}Identifier": name})[f"{kind.noun}s"]
        return snapshot

    def _describe(self, kind: SourceKind, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        stated = params.get(f"{kind.noun}Identifier")
        if kind is CLUSTER and stated and "DBClusterIdentifier" in params:
            raise ApiError(
                "InvalidParameterCombination",
                "DBClusterIdentifier and DBClusterSnapshotIdentifier can't be specified together.",
            )
        filters = {item["Name"]: item["Values"] for item in params.get("Filters") or []}
        types = _types(params, filters.pop("snapshot-type", None), by_name=bool(stated))
        if stated:
            filters[kind.name_filter] = [_name(kind, context, stated)]
        narrowed = {
            key: value for key, value in params.items() if key in ("DBInstanceIdentifier", "DBClusterIdentifier")
        }
        listed = [{"Name": name, "Values": values} for name, values in filters.items()]
        snapshots: list[dict[str, Any]] = []
        for type_ in types:
            request = narrowed | {"SnapshotType": type_, "Filters": listed}
            snapshots += self._moto.call(context, f"Describe{kind.noun}s", request)[f"{kind.noun}s"]
        if stated and not snapshots:
            raise kind.not_found(stated)
        page, marker = page_of(snapshots, params)
        return {f"{kind.noun}s": page, "Marker": marker}


def _types(params: dict[str, Any], filtered: Sequence[str] | None, *, by_name: bool) -> Sequence[str]:
    """Returns the types to list: AWS Backup's only if they are requested, or by name.

    (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html)
    """
    stated = params.get("SnapshotType")
    if stated is not None and stated not in _TYPES:
        raise ApiError("InvalidParameterValue", f"Invalid snapshot type: {stated}. Valid types: {', '.join(_TYPES)}.")
    types = (stated,) if stated else (*_LISTED, "awsbackup") if by_name else _LISTED
    if filtered is None:
        return types
    return [type_ for type_ in filtered if type_ in types or not stated]


def _name(kind: SourceKind, context: RequestContext, identifier: str) -> str:
    """Returns the name in an identifier, which may be an ARN. ApiError (not found) for an ARN of another account or Region."""
    name = identifier.lower()
    if not name.startswith("arn:"):
        return name
    start = f"arn:aws:rds:{context.region}:{context.account}:{kind.snapshot_resource}:"
    if not name.startswith(start):
        raise kind.not_found(identifier)
    return name.removeprefix(start)


def _backend() -> Any:
    return rds_backends[ACCOUNT][REGION]


def _sources(kind: SourceKind) -> Any:
    return _backend().databases if kind is INSTANCE else _backend().clusters


def _snapshots(kind: SourceKind) -> Any:
    return _backend().database_snapshots if kind is INSTANCE else _backend().cluster_snapshots


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
