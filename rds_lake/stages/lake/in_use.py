"""Who works on which date of a source right now: `<prefix>/_manifests/<source>/_in_use.json`.

    {"version": 1, "entries": {
        "3f9c2d71ab04": {"what": "work", "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "since": "…"},
        "77aa01c2e5d9": {"what": "removal", "snapshot_date": "2026-11-18", "export_task": "", "since": "…"}}}

Runs, publications and removals meet here, in one object that is only ever replaced in the version that was read:

- a removal is refused while somebody works on its date, and work is refused while the date is being removed;
- a run whose export took the place of an earlier one of the date looks here before it deletes that one's files: whoever
  began before may still point a partition at them, and whoever begins after that reads the later manifest.

An entry whose process was killed counts for `LIFETIME`, which is longer than any stage takes, and is then forgotten.

What belongs here: these entries. What may be deleted is decided by `upkeep/retention.py`, `upkeep/orphans.py` and
`publish/cleanup.py`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError, ManifestError, RdsLakeError, UnavailableError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.lake import Lake

LIFETIME = timedelta(hours=24)
_ATTEMPTS = 100  # each conflict means that somebody else's change went through

What = Literal["work", "removal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stage at work on an export of a date, or one removal, which is about every export of the date."""

    what: What
    snapshot_date: date
    export_task: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """The entries of one source. `now` gives the time by which entries of killed processes are forgotten."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    kms_key: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_token: Callable[[], str] = lambda: uuid.uuid4().hex[:12]

    @classmethod
    def of(cls, lake: Lake, source: str) -> InUse:
        """The entries of a source of the lake."""
        return cls(s3=lake.s3, layout=lake.layout, source=source, kms_key=lake.kms_key)

    @contextmanager
    def work(self, day: date, export_task: str, *, log: Callable[[str], None]) -> Iterator[None]:
        """Work on this export of the date until the block ends. UnavailableError while the date is being removed.

        Whoever takes the export from a manifest looks, once inside, whether that still stands.
        """
        token = self.new_token()
        self._enter(token, Entry(what="work", snapshot_date=day, export_task=export_task, since=self.now()))
        try:
            yield
        finally:
            self._leave(token, log)

    @contextmanager
    def removal(self, day: date, *, log: Callable[[str], None]) -> Iterator[bool]:
        """Remove the date, or something of it, until the block ends; False when somebody works on it."""
        token = self.new_token()
        try:
            self._enter(token, Entry(what="removal", snapshot_date=day, export_task="", since=self.now()))
        except UnavailableError as error:
            log(str(error))
            yield False
            return
        try:
            yield True
        finally:
            self._leave(token, log)

    def is_alone(self, day: date, export_task: str) -> bool:
        """Whether nobody works on another export of the date."""
        entries, _ = self._read()
        return all(entry.export_task == export_task for entry in entries.values() if entry.snapshot_date == day)

    def require_not_removed(self, day: date) -> None:
        """UnavailableError while the date is being removed: for who marks the date as his elsewhere, in the pointer.

        Whoever removes makes its entry first and looks at the pointer then; so one of the two sees the other.
        """
        entries, _ = self._read(rebuild=True)
        mine = Entry(what="work", snapshot_date=day, export_task="", since=self.now())
        for entry in entries.values():
            if entry.snapshot_date == day and entry.what == "removal":
                raise UnavailableError(_why(self.source, mine, entry))

    def _enter(self, token: str, new: Entry) -> None:
        def add(entries: dict[str, Entry]) -> dict[str, Entry]:
            same = (entry for entry in entries.values() if entry.snapshot_date == new.snapshot_date)
            other = [entry for entry in same if entry.what != new.what]
            if other:
                raise UnavailableError(_why(self.source, new, other[0]))
            return entries | {token: new}

        self._change(add, rebuild=new.what == "work")

    def _leave(self, token: str, log: Callable[[str], None]) -> None:
        try:
            self._change(lambda entries: {name: entry for name, entry in entries.items() if name != token})
        except RdsLakeError as error:
            # What the stage did stands; the entry only keeps removals away until it is forgotten.
            log(f"{self._uri} still has this run's entry ({error}); it is forgotten after {LIFETIME}")

    def _change(self, change: Callable[[dict[str, Entry]], dict[str, Entry]], *, rebuild: bool = False) -> None:
        """Read, change, PUT with If-Match, again on conflict. `rebuild`: a damaged object is begun anew."""
        key = self.layout.in_use_key(self.source)
        for _ in range(_ATTEMPTS):
            entries, etag = self._read(rebuild=rebuild)
            text = _render(change(entries))
            try:
                self.s3.replace_text(self.layout.bucket, key, text, etag=etag, kms_key=self.kms_key)
            except ConflictError:
                continue
            return
        raise UnavailableError(f"{self._uri} was changed by others {_ATTEMPTS} times in a row; again later")

    def _read(self, *, rebuild: bool = False) -> tuple[dict[str, Entry], str | None]:
        """The entries that count, and the version of the object; ManifestError when it is damaged, unless `rebuild`."""
        found = self.s3.find_version(self.layout.bucket, self.layout.in_use_key(self.source))
        if found is None:
            return {}, None
        text, etag = found
        try:
            entries = _parse(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if rebuild:
                return {}, etag
            raise ManifestError(
                f"{self._uri} is damaged ({error!r}), so nobody knows which dates are worked on; nothing was removed. The "
                f"next run of {self.source} writes it anew"
            ) from error
        oldest = self.now() - LIFETIME
        return {token: entry for token, entry in entries.items() if entry.since > oldest}, etag

    @property
    def _uri(self) -> str:
        return self.layout.uri(self.layout.in_use_key(self.source))


def _why(source: str, new: Entry, other: Entry) -> str:
    day = other.snapshot_date
    if new.what == "work":
        return (
            f"{source} {day} is being removed by `retention:` or `rds-lake prune` since {other.since:%Y-%m-%d %H:%M} UTC; "
            f"again later. If that was killed: rds-lake prune {source} --apply"
        )
    return f"{source} {day} stays: a run works on it since {other.since:%Y-%m-%d %H:%M} UTC"


def _render(entries: Mapping[str, Entry]) -> str:
    body = {
        token: {
            "what": entry.what,
            "snapshot_date": entry.snapshot_date.isoformat(),
            "export_task": entry.export_task,
            "since": entry.since.isoformat(),
        }
        for token, entry in sorted(entries.items())
    }
    return json.dumps({"version": 1, "entries": body}, indent=1)


def _parse(body: Any) -> dict[str, Entry]:
    return {str(token): _entry(entry) for token, entry in body["entries"].items()}


def _entry(body: Any) -> Entry:
    what: What = "removal" if body["what"] == "removal" else "work"
    since = datetime.fromisoformat(body["since"])
    if since.tzinfo is None or not isinstance(body["export_task"], str):
        raise ValueError(f"{body!r} is no entry")
    day, export_task = date.fromisoformat(body["snapshot_date"]), body["export_task"]
    return Entry(what=what, snapshot_date=day, export_task=export_task, since=since)
