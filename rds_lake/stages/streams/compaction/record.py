"""Reads and changes the record of compacted changes, which several runs may change.

What belongs here: its object in S3. Its values are `model/streams/compacted.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rds_lake.model.streams.compacted import (
    Batch,
    Compacted,
    Progress,
    Unparsed,
    parse_compacted,
    render_compacted,
)
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactedRecord:
    """The record of one source."""

    lake: Lake
    source: str

    def read(self) -> Compacted:
        """Returns the record. Raises ManifestError if it is damaged."""
        return self._parse(self.lake.s3.find_text(self.lake.layout.bucket, self._key))

    def add_all(self, batches: Sequence[tuple[Progress, Batch, Collection[Unparsed]]]) -> Collection[TableTarget]:
        """Adds the batches that each follow a `before`, and returns the added ones. If another run was first, its batch is used."""
        added: set[TableTarget] = set()

        def change(known: Compacted) -> Compacted:
            added.clear()
            for before, batch, unparsed in batches:
                now = known.of(before.target, before.epoch) or replace(before, until=0, pending=())
                if (now.version, now.until) == (before.version, before.until):
                    added.add(before.target)
                    known = known.having(now.followed_by(batch, unparsed))
            return known

        if batches:
            self._change(change)
        return added

    def begin_all(self, versions: Mapping[TableTarget, int], epoch: str) -> dict[TableTarget, Progress]:
        """Returns the cut up to which each table is compacted, in this version or a newer one; older versions are ignored."""

        def change(known: Compacted) -> Compacted:
            for target, version in versions.items():
                now = known.of(target, epoch)
                if now is None or now.version < version:
                    newest = max(version, known.version_of(target))
                    known = known.having(Progress(target=target, epoch=epoch, version=newest))
            return known

        progress = {entry.target: entry for entry in self._change(change).tables if entry.epoch == epoch}
        return {target: progress[target] for target in versions}

    def catalogued(self, *places: Progress) -> None:
        """Records that Glue has all batches that these name as pending."""
        done = {batch.folder for place in places for batch in place.pending}

        def change(known: Compacted) -> Compacted:
            for place in places:
                now = known.of(place.target, place.epoch)
                left = tuple(batch for batch in now.pending if batch.folder not in done) if now else ()
                if now is not None and left != now.pending:
                    known = known.having(replace(now, pending=left))
            return known

        if done:
            self._change(change)

    def change(self, place: Progress, change: Callable[[Progress], Progress]) -> Progress:
        """Changes how far a table is merged, and returns the result; unchanged if another run began its next version."""

        def changed(known: Compacted) -> Compacted:
            now = known.of(place.target, place.epoch)
            return known if now is None or now.version != place.version else known.having(change(now))

        return self._change(changed).of(place.target, place.epoch) or place

    def forget(self, folders: Collection[str]) -> None:
        """Removes the folders from the record before they are deleted, so that no partition names them again."""

        def change(known: Compacted) -> Compacted:
            tables = [
                replace(place, pending=tuple(batch for batch in place.pending if batch.folder not in folders))
                for place in known.tables
            ]
            return Compacted(tables=tuple(tables))

        self._change(change)

    def _change(self, change: Callable[[Compacted], Compacted]) -> Compacted:
        def changed(text: str | None) -> str | None:
            known = self._parse(text)
            wanted = change(known)
            return None if wanted == known else render_compacted(wanted)

        lake = self.lake
        return self._parse(change_text(lake.s3, lake.layout.bucket, self._key, changed, kms_key=lake.kms_key))

    def _parse(self, text: str | None) -> Compacted:
        return parse_compacted(text, where=self.lake.layout.uri(self._key))

    @property
    def _key(self) -> str:
        return self.lake.layout.compacted_key(self.source, "_state.json")
