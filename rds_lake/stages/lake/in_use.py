"""Records which dates of a source runs are working on or removing: `<prefix>/_manifests/<source>/_in_use.json`.

    {"version": 1, "entries": {
        "3f9c2d71ab04": {"what": "work", "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "since": "…"},
        "77aa01c2e5d9": {"what": "removal", "snapshot_date": "2026-11-18", "export_task": "", "since": "…"}}}

Runs, publications and removals see each other in this object, which is only replaced if it has not changed since it was read:

- a removal is refused while a run works on its date, and work is refused while the date is being removed;
- a run whose export replaced an earlier one of the date looks here before it deletes that one's files: a
  run that began before may still point a partition at them, and a run that begins later reads the later manifest.

An entry whose process was killed counts for `LIFETIME`, which is longer than any stage takes, and is then forgotten.

What belongs here: `Entries`, an object with entries of any kind, and the entries of dates. What may be deleted is decided by
`upkeep/retention.py`, `upkeep/orphans.py` and `publish/cleanup.py`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError, NewerRecordError, RdsLakeError, UnavailableError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.records import read_record, render_record
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text

LIFETIME = timedelta(hours=24)
_VERSION = 1

What = Literal["work", "removal"]


class AtWork(Protocol):
    """An entry: a dataclass with the time of its creation."""

    @property
    def since(self) -> datetime: ...


E = TypeVar("E", bound=AtWork)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries(Generic[E]):
    """The entries of processes at work, in one object.

    `kind`: the dataclass whose `entries` they are. `lifetime`: the time after which the entry of a killed process is ignored.
    `remedy`: what a person does about a damaged object. `now` returns the current time.
    """

    s3: S3Gateway
    bucket: str
    key: str
    kms_key: str | None
    kind: type[Any]
    lifetime: Callable[[E], timedelta]
    remedy: str
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    sleep: Callable[[float], None]

    @contextmanager
    def entered(
        self,
        new: E,
        refused: Callable[[Collection[E]], str | None],
        *,
        log: Callable[[str], None],
        rebuild: bool = False,
    ) -> Iterator[None]:
        """Keeps the entry in the object until the block ends.

        Raises UnavailableError with the reason that `refused` returns for the other entries. `rebuild`: replace a damaged
        object.
        """
        token = self.new_token()

        def add(entries: Mapping[str, E]) -> Mapping[str, E]:
            if why := refused(entries.values()):
                raise UnavailableError(why)
            return {**entries, token: new}

        self._change(add, rebuild=rebuild)
        try:
            yield
        finally:
            self._leave(token, new, log)

    def read(self, *, rebuild: bool = False) -> Collection[E]:
        """Returns the entries that have not expired."""
        return self._parsed(self.s3.find_text(self.bucket, self.key), rebuild=rebuild).values()

    def _leave(self, token: str, new: E, log: Callable[[str], None]) -> None:
        try:
            self._change(lambda entries: {name: entry for name, entry in entries.items() if name != token})
        except RdsLakeError as error:
            # The work is done; the entry only keeps others waiting until it expires.
            log(
                f"this run's entry could not be removed from {self._uri} ({error}); it expires after {self.lifetime(new)}"
            )

    def _change(self, change: Callable[[Mapping[str, E]], Mapping[str, E]], *, rebuild: bool = False) -> None:
        def changed(text: str | None) -> str:
            entries = change(self._parsed(text, rebuild=rebuild))
            body = {token: asdict(entry) for token, entry in sorted(entries.items())}  # type: ignore[call-overload]
            return render_record({"entries": body}, version=_VERSION)

        change_text(self.s3, self.bucket, self.key, changed, kms_key=self.kms_key, sleep=self.sleep)

    def _parsed(self, text: str | None, *, rebuild: bool) -> Mapping[str, E]:
        """Returns the entries that have not expired.

        ManifestError if the object is damaged (unless `rebuild`) or written by a newer release.
        """
        if text is None:
            return {}
        try:
            body = read_record(self.kind, text, where=self._uri, known=(_VERSION,), first=_VERSION, remedy=self.remedy)
        except NewerRecordError:
            raise
        except ManifestError:
            if rebuild:
                return {}
            raise
        now = self.now()
        return {token: entry for token, entry in body.entries.items() if now - entry.since < self.lifetime(entry)}

    @property
    def _uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stage that works on an export of a date, or a removal of all exports of the date."""

    what: What
    snapshot_date: date
    export_task: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """The object."""

    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """The entries of one source. `now` returns the current time."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    kms_key: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_token: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, lake: Lake, source: str) -> InUse:
        """Returns the entries of a source of the lake."""
        return cls(s3=lake.s3, layout=lake.layout, source=source, kms_key=lake.kms_key)

    @contextmanager
    def work(self, day: date, export_task: str, *, log: Callable[[str], None]) -> Iterator[None]:
        """Marks work on this export of the date until the block ends. Raises UnavailableError while the date is being removed.

        A caller that read the export from a manifest has to check, inside the block, that the manifest is still of that
        export.
        """
        new = Entry(what="work", snapshot_date=day, export_task=export_task, since=self.now())
        with self._entries.entered(new, lambda entries: self._refused(new, entries), log=log, rebuild=True):
            yield

    @contextmanager
    def removal(self, day: date, *, log: Callable[[str], None]) -> Iterator[bool]:
        """Marks the removal of the date, or of a part of it, until the block ends; yields False if a run works on it."""
        new = Entry(what="removal", snapshot_date=day, export_task="", since=self.now())
        with ExitStack() as stack:
            try:
                stack.enter_context(self._entries.entered(new, lambda entries: self._refused(new, entries), log=log))
            except UnavailableError as error:
                log(str(error))
                yield False
                return
            yield True

    def is_alone(self, day: date, export_task: str) -> bool:
        """Whether no other run works on another export of the date."""
        return all(entry.export_task == export_task for entry in self._entries.read() if entry.snapshot_date == day)

    def require_not_removed(self, day: date) -> None:
        """Raises UnavailableError while the date is being removed; for a publication, which marks the date in the pointer.

        A removal first writes its entry and then reads the pointer, so one of the two sees the other.
        """
        entry = Entry(what="work", snapshot_date=day, export_task="", since=self.now())
        if why := self._refused(entry, self._entries.read(rebuild=True)):
            raise UnavailableError(why)

    def _refused(self, new: Entry, entries: Collection[Entry]) -> str | None:
        same = (entry for entry in entries if entry.snapshot_date == new.snapshot_date)
        other = next((entry for entry in same if entry.what != new.what), None)
        return _why(self.source, new, other) if other else None

    @property
    def _entries(self) -> Entries[Entry]:
        unknown = f"so it is unknown which dates are in use, and nothing was removed. The next run of {self.source} writes it again"
        return Entries(
            s3=self.s3,
            bucket=self.layout.bucket,
            key=self.layout.in_use_key(self.source),
            kms_key=self.kms_key,
            kind=_Entries,
            lifetime=lambda _: LIFETIME,
            remedy=unknown,
            now=self.now,
            new_token=self.new_token,
            sleep=self.sleep,
        )


def _why(source: str, new: Entry, other: Entry) -> str:
    day = other.snapshot_date
    if new.what == "work":
        return (
            f"{source} {day} is being removed by `retention:` or `rds-lake prune` since {other.since:%Y-%m-%d %H:%M} UTC; try "
            f"again later. If that process was killed: rds-lake prune {source} --apply"
        )
    return f"{source} {day} is kept: a run has been working on it since {other.since:%Y-%m-%d %H:%M} UTC"
