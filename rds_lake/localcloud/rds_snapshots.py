"""Snapshots: dated, frozen content of a database, known to moto's RDS and announced by an event.

What belongs here: taking and dropping them. Exporting is `rds_export.py`.
"""

from __future__ import annotations

import re
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.rds import rds_backends

from rds_lake.localcloud.app import ACCOUNT, ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.loop import InProcessClients
from rds_lake.localcloud.postgres import PostgresDatabase
from rds_lake.localcloud.rds_events import emit_snapshot_event

REGION = "us-east-1"
_EVENTS = {"automated": "RDS-EVENT-0091", "manual": "RDS-EVENT-0042", "awsbackup": "RDS-EVENT-0042"}


class Snapshots:
    """The snapshots of the registered databases, by instance identifier."""

    def __init__(self, app: LocalCloudApp, clients: InProcessClients, databases: dict[str, str]) -> None:
        self._clients = clients
        self._databases = {identifier: PostgresDatabase(url) for identifier, url in databases.items()}
        self._frozen: dict[str, PostgresDatabase] = {}
        # One at a time: a template database must have no other session.
        self._lock = threading.Lock()
        app.routes["POST", "/_local/snapshots"] = self._take
        app.after["rds", "CreateDBSnapshot"] = self._created_by_api
        app.after["rds", "DeleteDBSnapshot"] = self._deleted_by_api

    def register_instances(self) -> None:
        """Make moto know the databases as RDS instances, without the snapshot it takes of a new one."""
        rds = self._clients.client("rds")
        for identifier, database in self._databases.items():
            rds.create_db_instance(
                DBInstanceIdentifier=identifier,
                DBInstanceClass="db.t3.medium",
                Engine="postgres",
                AllocatedStorage=20,
                MasterUsername="local",
                MasterUserPassword="not-a-secret",
                DBName=database.name,
            )
            for snapshot in list(_backend().database_snapshots):
                del _backend().database_snapshots[snapshot]

    def names(self) -> list[str]:
        """The instance identifiers."""
        return sorted(self._databases)

    def find_frozen(self, arn: str) -> tuple[str, PostgresDatabase, str] | None:
        """Snapshot identifier, frozen content and original database name of an ARN, or None."""
        identifier = arn.split(":snapshot:", 1)[-1]
        snapshot = _backend().database_snapshots.get(identifier)
        frozen = self._frozen.get(identifier)
        if snapshot is None or frozen is None:
            return None
        return identifier, frozen, self._databases[snapshot.db_instance_identifier].name

    def created_at(self, identifier: str) -> datetime:
        """SnapshotCreateTime."""
        return _utc(_backend().database_snapshots[identifier].created)

    def reset(self) -> None:
        """Drop all frozen content."""
        with self._lock:
            for frozen in self._frozen.values():
                frozen.drop()
            self._frozen.clear()

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
        backend = _backend()
        if name in backend.database_snapshots:
            raise ApiError("DBSnapshotAlreadyExists", f"snapshot {name} exists already", 409)
        self._freeze(identifier, name)
        # moto has no API for dated, automated or Backup snapshots.
        snapshot = backend.create_db_snapshot(identifier, name, snapshot_type=kind)
        snapshot.created = at
        snapshot.original_snapshot_create_time = at
        arn = _arn(name)
        emit_snapshot_event(self._clients, event_id=_EVENTS[kind], arn=arn, identifier=name)
        return 200, {"identifier": name, "arn": arn, "created_at": at.isoformat()}

    def _created_by_api(self, context: RequestContext, form: dict[str, str]) -> None:
        name, identifier = form["DBSnapshotIdentifier"], form["DBInstanceIdentifier"]
        if identifier in self._databases:
            self._freeze(identifier, name)
            emit_snapshot_event(self._clients, event_id="RDS-EVENT-0042", arn=_arn(name), identifier=name)

    def _deleted_by_api(self, context: RequestContext, form: dict[str, str]) -> None:
        name = form["DBSnapshotIdentifier"]
        with self._lock:
            frozen = self._frozen.pop(name, None)
            if frozen is not None:
                frozen.drop()
        emit_snapshot_event(self._clients, event_id="RDS-EVENT-0041", arn=_arn(name), identifier=name)

    def _freeze(self, identifier: str, name: str) -> None:
        with self._lock:
            self._frozen[name] = self._databases[identifier].freeze(f"frozen_{uuid.uuid4().hex[:16]}")


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
