"""Which dates of a source are worked on or being removed right now: `<prefix>/_manifests/<source>/_in_use.json`.

    {"version": 1, "entries": {
        "3f9c2d71ab04": {"what": "work", "snapshot_date": "2026-11-20", "export_task": "shop-prod-…-1", "since": "…"},
        "77aa01c2e5d9": {"what": "removal", "snapshot_date": "2026-11-18", "export_task": "", "since": "…"}}}

Runs, publications and removals meet here, in one object that is only ever replaced in the version that was read:

- a removal is refused while a run works on its date, and work is refused while the date is being removed;
- a run whose export took the place of an earlier one of the date looks here before it deletes that one's files: a
  run that began before may still point a partition at them, and a run that begins later reads the later manifest.

An entry whose process was killed counts for `LIFETIME`, which is longer than any stage takes, and is then forgotten.

What belongs here: these entries. What may be deleted is decided by `upkeep/retention.py`, `upkeep/orphans.py` and
`publish/cleanup.py`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError, NewerRecordError, RdsLakeError, UnavailableError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.records import read_record, render_record
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text

LIFETIME = timedelta(hours=24)
_VERSION = 1

What = Literal["work", "removal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stage at work on an export of a date, or one removal, which is about every export of the date."""

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
    """The entries of one source. `now` gives the time by which entries of killed processes are forgotten."""

    s3: S3Gateway
    layout: LakeLayout
    source: str
    kms_key: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_token: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, lake: Lake, source: str) -> InUse:
        """The entries of a source of the lake."""
        return cls(s3=lake.s3, layout=lake.layout, source=source, kms_key=lake.kms_key)

    @contextmanager
    def work(self, day: date, export_task: str, *, log: Callable[[str], None]) -> Iterator[None]:
        """Work on this export of the date until the block ends. UnavailableError while the date is being removed.

        A caller that takes the export from a manifest has to check, inside the block, that the manifest is still of that export.
        """
        token = self.new_token()
        self._enter(token, Entry(what="work", snapshot_date=day, export_task=export_task, since=self.now()))
        try:
            yield
        finally:
            self._leave(token, log)

    @contextmanager
    def removal(self, day: date, *, log: Callable[[str], None]) -> Iterator[bool]:
        """Remove the date, or something of it, until the block ends; False when a run works on it."""
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
        """Whether no run works on another export of the date."""
        entries = self._read()
        return all(entry.export_task == export_task for entry in entries.values() if entry.snapshot_date == day)

    def require_not_removed(self, day: date) -> None:
        """UnavailableError while the date is being removed: for a publication, which marks the date in the pointer and not here.

        A removal writes its entry first and reads the pointer then; so one of the two sees the other.
        """
        entries = self._read(rebuild=True)
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
            # What the stage did is done; the entry only keeps removals away until it is forgotten.
            log(f"{self._uri} still has this run's entry ({error}); it is forgotten after {LIFETIME}")

    def _change(self, change: Callable[[dict[str, Entry]], dict[str, Entry]], *, rebuild: bool = False) -> None:
        """Change the entries that count. `rebuild`: a damaged object is begun anew."""
        change_text(
            self.s3,
            self.layout.bucket,
            self.layout.in_use_key(self.source),
            lambda text: _render(change(self._entries(text, rebuild=rebuild))),
            kms_key=self.kms_key,
            sleep=self.sleep,
        )

    def _read(self, *, rebuild: bool = False) -> dict[str, Entry]:
        return self._entries(
            self.s3.find_text(self.layout.bucket, self.layout.in_use_key(self.source)), rebuild=rebuild
        )

    def _entries(self, text: str | None, *, rebuild: bool) -> dict[str, Entry]:
        """The entries that count; ManifestError when the object is damaged, unless `rebuild`, or of a newer release."""
        if text is None:
            return {}
        remedy = f"which dates are worked on is unknown, and nothing was removed. The next run of {self.source} writes it anew"
        try:
            body = read_record(_Entries, text, where=self._uri, known=(_VERSION,), first=_VERSION, remedy=remedy)
        except NewerRecordError:
            raise
        except ManifestError:
            if rebuild:
                return {}
            raise
        oldest = self.now() - LIFETIME
        return {token: entry for token, entry in body.entries.items() if entry.since > oldest}

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
    body = {token: asdict(entry) for token, entry in sorted(entries.items())}
    return render_record({"entries": body}, version=_VERSION)
