"""Snapshots of instances and clusters: taken with a copy of their content, copied, deleted, and reported by events.

What belongs here: the life of a snapshot. moto's part of it is `moto_snapshots.py`, exporting is `export.py`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rds_lake.localcloud.events.envelopes import BACKUP_STATES, BackupJob
from rds_lake.localcloud.events.sender import Events
from rds_lake.localcloud.http.account import REGION
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.bare_moto import BareMoto
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.rds.kinds import KINDS, ExportSource, SourceKind
from rds_lake.localcloud.rds.moto_snapshots import SnapshotListings, SnapshotRecords
from rds_lake.localcloud.rds.sources import Content, Sources

_TYPES = ("automated", "manual", "awsbackup")
_BACKUP_PREFIX = "awsbackup:job-"
_Operation = Callable[[SourceKind, RequestContext, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSnapshot:
    """A snapshot to be taken; `at` None means now."""

    kind: SourceKind
    source: str
    name: str
    type_: str
    at: datetime | None = None
    tags: list[dict[str, str]] | None = None
    announced: bool = True

    @property
    def arn(self) -> str:
        return self.kind.arn(self.name)


class Snapshots:
    """The snapshots of all sources."""

    def __init__(self, app: LocalCloudApp, clients: InProcessClients, sources: Sources, events: Events) -> None:
        self._clients = clients
        self._sources = sources
        self._events = events
        self._moto = BareMoto(app, "rds")
        self._records = SnapshotRecords()
        self._listings = SnapshotListings(app)
        self._contents: dict[str, Content] = {}
        # ARNs of snapshots that are just being taken.
        self._taking: set[str] = set()
        self._lock = threading.Lock()
        app.routes["POST", "/_local/snapshots"] = self._take
        operations: dict[str, _Operation] = {"Create": self._create, "Copy": self._copy, "Delete": self._delete}
        for kind in KINDS:
            for verb, operation in operations.items():
                app.query_operations["rds", f"{verb}{kind.noun}"] = partial(operation, kind)

    def register(self) -> None:
        """Register every source with moto."""
        for kind in KINDS:
            for identifier in self._sources.names(kind):
                self._records.register(self._clients, kind, identifier, self._sources.databases(kind, identifier)[0])

    def open(self, source: ExportSource) -> tuple[Content, datetime]:
        """Returns a snapshot's content and creation time. The content is kept until its release, even if the snapshot is deleted."""
        arn = source.kind.arn(source.identifier)
        with self._lock:
            content = self._contents.get(arn) if source.here and not source.live else None
            if content is None or not self._records.exists(source.kind, source.identifier):
                raise source.not_found()
            content.hold()
            return content, self._records.created_at(source.kind, source.identifier)

    def reset(self) -> None:
        """Drop all frozen content; content that an export still reads is dropped when that export ends."""
        with self._lock:
            contents = list(self._contents.values())
            self._contents = {}
        with ExitStack() as every:
            for content in contents:
                every.callback(content.release)

    def _take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """`POST /_local/snapshots {"database" | "cluster": id, "type": …, "at": ISO time, "identifier": …, "event": …}`."""
        kind, source = self._asked_source(body)
        type_ = str(body.get("type", "automated"))
        if type_ not in _TYPES:
            raise ApiError("InvalidParameterValue", f"type {type_!r} is unknown; give one of {', '.join(_TYPES)}")
        announced = body.get("event", True)
        if not isinstance(announced, bool):
            raise ApiError("InvalidParameterValue", f"event {announced!r} is neither true nor false")
        at = _moment(body.get("at"))
        name = str(body.get("identifier") or _snapshot_name(source, type_, at)).lower()
        if not kind.is_any_name(name) or (type_ == "awsbackup") != name.startswith(_BACKUP_PREFIX):
            raise ApiError("InvalidParameterValue", f"{name!r} cannot identify a snapshot of type {type_}")
        new = NewSnapshot(kind=kind, source=source, name=name, type_=type_, at=at, announced=announced)
        try:
            self._add(new)
        except ApiError as error:
            if error.code == kind.exists:
                raise ApiError(error.code, error.message, 409) from error
            raise
        return 200, {"identifier": name, "arn": new.arn, "created_at": at.isoformat()}

    def _asked_source(self, body: dict[str, Any]) -> tuple[SourceKind, str]:
        kinds = [kind for kind in KINDS if kind.word in body]
        if len(kinds) != 1:
            words = " or ".join(kind.word for kind in KINDS)
            raise ApiError("InvalidParameterValue", f"the body must name one {words}")
        kind, identifier = kinds[0], str(body[kinds[0].word])
        if not self._sources.databases(kind, identifier):
            known = ", ".join(self._sources.names(kind)) or "none"
            raise ApiError(kind.source_missing, f"no {kind.word} {identifier!r}; there are {known}", 404)
        return kind, identifier

    def _create(self, kind: SourceKind, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        name, source = params[f"{kind.noun}Identifier"].lower(), params[f"{kind.source_noun}Identifier"].lower()
        _check_name(kind, name)
        if context.region != REGION:
            raise kind.source_not_found(source)
        self._records.check_quota(kind)
        self._add(NewSnapshot(kind=kind, source=source, name=name, type_="manual", tags=params.get("Tags")))
        return {kind.noun: self._listings.find(kind, context, name)}

    def _copy(self, kind: SourceKind, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        target = params[f"Target{kind.noun}Identifier"].lower()
        _check_name(kind, target)
        if context.region != REGION:
            return self._moto.call(context, f"Copy{kind.noun}", params)
        source = self._listings.find(kind, context, params[f"Source{kind.noun}Identifier"])
        self._records.check_quota(kind)
        with self._taken(kind, target):
            names = {
                f"Source{kind.noun}Identifier": source[f"{kind.noun}Identifier"],
                f"Target{kind.noun}Identifier": target,
            }
            answer = self._moto.call(context, f"Copy{kind.noun}", params | names)
            answer[kind.noun] |= self._records.mark_copy(kind, target, source)
            with self._lock:
                content = self._contents.get(source[f"{kind.noun}Arn"])
                if content is not None:
                    content.hold()
                    self._contents[kind.arn(target)] = content
        self._events.emit(kind.copied, kind.arn(target))
        return answer

    def _delete(self, kind: SourceKind, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        answer = self._moto.call(context, f"Delete{kind.noun}", params)
        if context.region == REGION:
            arn = kind.arn(answer[kind.noun][f"{kind.noun}Identifier"])
            with self._lock:
                content = self._contents.pop(arn, None)
            if content is not None:
                content.release()
            self._events.emit(kind.deleted, arn)
        return answer

    def _add(self, new: NewSnapshot) -> None:
        """Take the snapshot and send its events."""
        self._records.check_source(new.kind, new.source)
        before, after = new.kind.automated if new.type_ == "automated" else new.kind.manual
        with self._taken(new.kind, new.name), self._backed_up(new):
            if new.announced:
                self._events.emit([before], new.arn)
            # An instance created through the API has no database behind it: its snapshots have no content.
            has_content = bool(self._sources.databases(new.kind, new.source))
            content = self._sources.freeze(new.kind, new.source) if has_content else None
            with self._lock:
                if content is not None:
                    self._contents[new.arn] = content
                self._records.add(new.kind, new.source, new.name, type_=new.type_, at=new.at, tags=new.tags)
            if new.announced:
                self._events.emit([after], new.arn)

    @contextmanager
    def _taken(self, kind: SourceKind, name: str) -> Iterator[None]:
        """Reserve a name for this request. AWS's refusal if a snapshot has it or another request has reserved it."""
        arn = kind.arn(name)
        with self._lock:
            if arn in self._taking or self._records.exists(kind, name):
                raise ApiError(kind.exists, f"snapshot {name} exists already")
            self._taking.add(arn)
        try:
            yield
        finally:
            with self._lock:
                self._taking.discard(arn)

    @contextmanager
    def _backed_up(self, new: NewSnapshot) -> Iterator[None]:
        """Send AWS Backup's events before and after RDS's own, if AWS Backup takes the snapshot."""
        if new.type_ != "awsbackup" or not new.announced:
            yield
            return
        job = BackupJob(
            identifier=new.name.removeprefix(_BACKUP_PREFIX),
            resource_type=new.kind.backup_type,
            resource_arn=new.kind.source_arn(new.source),
            created_at=new.at or datetime.now(UTC),
        )
        *before, after = BACKUP_STATES
        for state in before:
            self._events.emit_backup(job, state, new.arn)
        yield
        self._events.emit_backup(job, after, new.arn)


def _check_name(kind: SourceKind, name: str) -> None:
    """ApiError for a name that the API refuses: only RDS and AWS Backup use names with a prefix and a colon."""
    if not kind.is_name(name):
        raise ApiError(
            "InvalidParameterValue",
            f"The parameter {kind.noun}Identifier is not a valid identifier: {name}. Identifiers must begin with a letter; "
            "must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            f"consecutive hyphens, and have at most {kind.longest_name} characters.",
        )


def _snapshot_name(source: str, type_: str, at: datetime) -> str:
    stamp = at.strftime("%Y-%m-%d-%H-%M")
    if type_ == "awsbackup":
        return f"{_BACKUP_PREFIX}{uuid.uuid4()}"
    return f"rds:{source}-{stamp}" if type_ == "automated" else f"{source}-manual-{stamp}"


def _moment(text: object) -> datetime:
    if text is None:
        return datetime.now(UTC)
    if isinstance(text, str) and re.match(r"\d{4}-\d{2}-\d{2}", text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ApiError("InvalidParameterValue", f"at: {error}") from error
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise ApiError("InvalidParameterValue", f"at {text!r} is not an ISO time")
