"""Finds compacted changes that no view reads any more: partitions in Glue, and folders that no partition uses.

| what | why it is there |
|---|---|
| of removed cuts | no date needs them |
| of a batch that was merged | the live views read the file into which it was merged, for longer than a query lasts |
| of an older version | a column's type changed, all cuts were compacted anew, and no view reads the older raw table |
| a folder without partition | an attempt that was killed, or overtaken by another run |

What belongs here: finding them. Which cuts are removed is `needed_cuts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.compacted import Compacted
from rds_lake.model.streams.shown import Shown
from rds_lake.model.tables.glue import GluePartition, GlueTable
from rds_lake.sql.changes.table import RAW_CHANGES, cut_of, is_merged
from rds_lake.sql.stored_view import reads
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.live.move import read_shown
from rds_lake.stages.upkeep.folders import Folder, sum_folders

_QUERY = timedelta(hours=24)  # no query lasts as long
# .../v1/<epoch>/000000000012-3f9c2d71ab04/00000.parquet
_FOLDER = re.compile(r"(.+/v\d+/[^/]+/\d{12}-[^/]+/)[^/]+")

_OF_CUTS = re.compile(r"[^/]+/\d{12}(\.\w+)?")  # other partitions are ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class StalePartition:
    """A partition to remove, and the reason."""

    raw: str
    values: tuple[str, ...]
    location: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFiles:
    """What to remove. `folders`: those of the partitions and those without a partition, each with the reason."""

    partitions: tuple[StalePartition, ...] = ()
    folders: tuple[tuple[Folder, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is known about a source's compacted changes. `last`: the last cut to remove of each epoch."""

    compacted: Compacted
    shown: Shown | None
    tables: Mapping[str, GlueTable]
    last: Mapping[str, int]
    now: datetime


def stale_files(lake: Lake, source: str, last: Mapping[str, int], *, now: datetime) -> StaleFiles:
    """Returns the compacted files that may be removed once the cuts up to `last` of each epoch are removed."""
    root = lake.layout.all_compacted_folder(source)
    objects = lake.s3.list_objects(lake.layout.bucket, root)
    matched = ((_FOLDER.fullmatch(item.key), item) for item in objects)
    folders = sum_folders((match[1], item) for match, item in matched if match)
    state = _State(
        compacted=CompactedRecord(lake=lake, source=source).read(),
        shown=read_shown(lake, source)[0],
        tables=lake.glue.list_tables(source) if folders else {},
        last=last,
        now=now,
    )
    raws = [
        table
        for name, table in state.tables.items()
        if name.startswith(RAW_CHANGES) and not table.is_view and table.location.startswith(lake.layout.uri(root))
    ]
    partitions = {raw.name: list(lake.glue.find_partitions(source, raw.name)) for raw in raws}
    stale = [partition for raw in raws for partition in _stale(lake, source, raw, partitions[raw.name], state)]
    return StaleFiles(partitions=tuple(stale), folders=tuple(_folders(lake, folders, partitions, stale, state)))


def _stale(
    lake: Lake, source: str, raw: GlueTable, partitions: list[GluePartition], state: _State
) -> Iterator[StalePartition]:
    old_version = _is_superseded(lake, source, raw, state) and not any(
        table.is_view and reads(table.view_text, raw.name) for table in state.tables.values()
    )
    own = [partition for partition in partitions if _OF_CUTS.fullmatch("/".join(partition.values))]
    merged_at = {
        (partition.values[0], cut_of(partition.values[1])): partition.created
        for partition in own
        if is_merged(partition.values[1])
    }
    for partition in own:
        epoch, cut = partition.values[0], cut_of(partition.values[1])
        why = None
        if cut <= state.last.get(epoch, 0):
            why = "no date needs these changes"
        elif old_version:
            why = "a later version has all its changes"
        elif not is_merged(partition.values[1]) and _is_merged_away(raw.name, epoch, cut, merged_at, state):
            why = "merged into a larger file"
        if why:
            yield StalePartition(raw=raw.name, values=partition.values, location=partition.location, why=why)


def _is_superseded(lake: Lake, source: str, raw: GlueTable, state: _State) -> bool:
    """Whether the table's changes are in a later version of its raw table."""
    earlier = {
        lake.layout.uri(lake.layout.compacted_table_folder(source, export_folder(place.target), version))
        for place in state.compacted.tables
        for version in range(1, state.compacted.version_of(place.target))
    }
    return raw.location in earlier


def _is_merged_away(
    raw: str, epoch: str, cut: int, merged_at: Mapping[tuple[str, int], datetime | None], state: _State
) -> bool:
    """Whether all views have read this batch's merged file for so long that no query can still read the batch."""
    if state.shown is None or state.shown.moving or cut > state.shown.merged.get(f"{raw}/{epoch}", 0):
        return False
    into = min((until for of, until in merged_at if of == epoch and until >= cut), default=None)
    made = merged_at[epoch, into] if into is not None else None
    return made is not None and state.now - made > _QUERY


def _folders(
    lake: Lake,
    folders: Mapping[str, Folder],
    partitions: Mapping[str, list[GluePartition]],
    stale: list[StalePartition],
    state: _State,
) -> Iterator[tuple[Folder, str]]:
    left = {(partition.raw, partition.values) for partition in stale}
    # A batch that was large enough has the same folder under its merged value.
    named = {
        partition.location
        for raw, each in partitions.items()
        for partition in each
        if (raw, partition.values) not in left
    }
    going = {partition.location: partition.why for partition in stale if partition.location not in named}
    pending = {batch.folder for place in state.compacted.tables for batch in place.pending}
    for folder in folders.values():
        uri = lake.layout.uri(folder.key)
        if uri in going:
            yield folder, going[uri]
        elif uri not in named and uri not in pending and state.now - folder.modified > _QUERY:
            yield folder, "no partition uses it: an attempt was killed, or another run was faster"
