"""Snapshots: dated, frozen content of a database, known to moto's RDS and announced by an event.

What belongs here: taking and dropping them. Exporting is `rds_export.py`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from moto.core.exceptions import ServiceException
from moto.rds import rds_backends

from rds_lake.localcloud.app import ACCOUNT, ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.loop import InProcessClients
from rds_lake.localcloud.rds_events import emit_snapshot_event
from rds_lake.localcloud.source import FrozenDatabase, open_database

REGION = "us-east-1"
_ARN = re.compile(r"arn:aws:rds:([^:]+):([^:]+):(snapshot|cluster-snapshot|cluster):(.+)")
# What RDS, AWS Backup and people call snapshots: hyphens single and never last.
_NAME = re.compile(r"(?:(?:rds|awsbackup):)?[A-Za-z](?!.*--)[A-Za-z0-9-]{0,254}(?<!-)", re.ASCII)
_EVENTS = {"automated": "RDS-EVENT-0091", "manual": "RDS-EVENT-0042", "awsbackup": "RDS-EVENT-0042"}


@dataclass(slots=True)
class Frozen:
    """The content of one snapshot, and who still needs it. A deleted snapshot's export goes on (aws-facts 1.7)."""

    identifier: str
    arn: str
    created_at: datetime
    databases: tuple[FrozenDatabase, ...]
    readers: int = 0
    deleted: bool = False

    def drop(self) -> None:
        """Remove the content."""
        for database in self.databases:
            database.content.drop()


class Snapshots:
    """The snapshots of the registered databases, by instance identifier."""

    def __init__(self, app: LocalCloudApp, clients: InProcessClients, databases: Mapping[str, Sequence[str]]) -> None:
        self._clients = clients
        self._databases = {identifier: [open_database(url) for url in urls] for identifier, urls in databases.items()}
        self._frozen: dict[str, Frozen] = {}
        self._lock = threading.Lock()
        # One at a time: a template database must have no other session, and a name is taken once.
        self._taking = threading.Lock()
        app.routes["POST", "/_local/snapshots"] = self._take
        app.after["rds", "CreateDBSnapshot"] = self._created_by_api
        app.after["rds", "DeleteDBSnapshot"] = self._deleted_by_api

    def register_instances(self) -> None:
        """Make moto know the databases as RDS instances, without the snapshot it takes of a new one."""
        rds = self._clients.client("rds")
        for identifier, databases in self._databases.items():
            rds.create_db_instance(
                DBInstanceIdentifier=identifier,
                DBInstanceClass="db.t3.medium",
                Engine=databases[0].engine,
                AllocatedStorage=20,
                MasterUsername="local",
                MasterUserPassword="not-a-secret",
                DBName=databases[0].name,
            )
            for snapshot in list(_backend().database_snapshots):
                del _backend().database_snapshots[snapshot]

    def names(self) -> list[str]:
        """The instance identifiers."""
        return sorted(self._databases)

    def open(self, arn: str) -> Frozen:
        """The content behind an ARN, kept until `close` even if the snapshot is deleted; AWS's refusal if there is none."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ApiError("InvalidParameterValue", f"Invalid ARN: {arn}")
        region, account, kind, identifier = match.groups()
        if kind == "cluster":
            raise ApiError("DBClusterNotFoundFault", f"DBCluster {identifier} not found.", 404)
        if kind == "cluster-snapshot":
            raise ApiError("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {identifier} not found.", 404)
        with self._lock:
            frozen = self._frozen.get(identifier)
            if frozen is None or (region, account) != (REGION, ACCOUNT):
                raise ApiError("DBSnapshotNotFound", f"DBSnapshot {identifier} not found.", 404)
            frozen.readers += 1
            return frozen

    def close(self, frozen: Frozen) -> None:
        """Give back what `open` gave; the last reader of a deleted snapshot drops its content."""
        with self._lock:
            frozen.readers -= 1
            unwanted = frozen.deleted and not frozen.readers
        if unwanted:
            frozen.drop()

    def reset(self) -> None:
        """Drop all frozen content; what is still read goes with its last reader."""
        with self._lock:
            names = list(self._frozen)
        for name in names:
            self._forget(name)

    def _take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """`POST /_local/snapshots {"database": id, "type": …, "at": ISO time}`."""
        identifier, kind = str(body.get("database", "")), str(body.get("type", "automated"))
        if identifier not in self._databases:
            raise ApiError(
                "DBInstanceNotFound", f"no database {identifier!r}; there are {', '.join(self.names())}", 404
            )
        if kind not in _EVENTS:
            raise ApiError("InvalidParameterValue", f"type {kind!r} is none of {', '.join(_EVENTS)}")
        at = _moment(body.get("at"))
        name = str(body.get("identifier") or _snapshot_name(identifier, kind, at))
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue", f"{name!r} is no snapshot identifier")
        with self._taking:
            self._create(identifier, name, kind, at)
        arn = _arn(name)
        emit_snapshot_event(self._clients, event_id=_EVENTS[kind], arn=arn, identifier=name)
        return 200, {"identifier": name, "arn": arn, "created_at": at.isoformat()}

    def _create(self, identifier: str, name: str, kind: str, at: datetime) -> None:
        if name in _backend().database_snapshots:
            raise ApiError("DBSnapshotAlreadyExists", f"snapshot {name} exists already", 409)
        try:
            self._freeze(identifier, name, at)
        except psycopg.Error as error:
            raise ApiError("StorageFailure", f"{identifier} could not be copied: {error}", 502) from error
        try:
            # moto has no API for dated, automated or Backup snapshots.
            snapshot = _backend().create_db_snapshot(identifier, name, snapshot_type=kind)
        except ServiceException as error:
            self._forget(name)
            raise ApiError("InvalidDBSnapshotState", f"snapshot {name} was refused: {error}") from error
        snapshot.created = snapshot.original_snapshot_create_time = at

    def _created_by_api(self, context: RequestContext, form: dict[str, str]) -> None:
        name, identifier = form["DBSnapshotIdentifier"], form["DBInstanceIdentifier"]
        if identifier in self._databases:
            with self._taking:
                self._freeze(identifier, name, _utc(_backend().database_snapshots[name].created))
            emit_snapshot_event(self._clients, event_id="RDS-EVENT-0042", arn=_arn(name), identifier=name)

    def _deleted_by_api(self, context: RequestContext, form: dict[str, str]) -> None:
        name = form["DBSnapshotIdentifier"]
        self._forget(name)
        emit_snapshot_event(self._clients, event_id="RDS-EVENT-0041", arn=_arn(name), identifier=name)

    def _freeze(self, identifier: str, name: str, at: datetime) -> None:
        databases = tuple(
            FrozenDatabase(name=source.name, content=source.freeze(f"frozen_{uuid.uuid4().hex[:16]}"))
            for source in self._databases[identifier]
        )
        frozen = Frozen(identifier=name, arn=_arn(name), created_at=at, databases=databases)
        with self._lock:
            self._frozen[name] = frozen

    def _forget(self, name: str) -> None:
        """The snapshot is gone; its content too, unless an export still reads it."""
        with self._lock:
            frozen = self._frozen.pop(name, None)
            if frozen is None:
                return
            frozen.deleted = True
            unwanted = not frozen.readers
        if unwanted:
            frozen.drop()


def _backend() -> Any:
    return rds_backends[ACCOUNT][REGION]


def _arn(name: str) -> str:
    return f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:{name}"


def _snapshot_name(identifier: str, kind: str, at: datetime) -> str:
    stamp = at.strftime("%Y-%m-%d-%H-%M")
    if kind == "awsbackup":
        return f"awsbackup:job-{uuid.uuid4()}"
    return f"rds:{identifier}-{stamp}" if kind == "automated" else f"{identifier}-manual-{stamp}"


def _moment(text: object) -> datetime:
    if text is None:
        return datetime.now(UTC)
    if isinstance(text, str) and re.match(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return _utc(datetime.fromisoformat(text))
        except ValueError as error:
            raise ApiError("InvalidParameterValue", f"at: {error}") from error
    raise ApiError("InvalidParameterValue", f"at {text!r} is no ISO time")


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
