"""Reads a source's manifests, published dates and Glue partitions once, before anything of it is removed.

What belongs here: reading all dates and tables in parallel. Finding unused objects is `orphans.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import ManifestError
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import waiting
from rds_lake.model.tables.glue import GluePartition
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.upkeep.retention import own_raw_tables
from rds_lake.threads import cancelling_threads

_PARALLEL = 8  # parallel calls to Glue, which allows some dozens per second and account


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """The state of one source. `published`: dates with a decision, each with its export; `partitions`: (raw table, partition).

    An `untouchable` date is left alone: its manifest cannot be read, or a run works on it.
    """

    settings: SourceSettings
    manifests: Mapping[date, Manifest]
    untouchable: frozenset[date]
    published: frozenset[tuple[date, str]]
    partitions: Sequence[tuple[str, GluePartition]]

    @classmethod
    def read(cls, lake: Lake, source: SourceSettings, *, busy: Collection[date]) -> SourceState:
        """Reads the current state. Dates in `busy`, and dates with an unreadable manifest, are untouchable."""
        manifests: dict[date, Manifest] = {}
        untouchable = set(busy)
        for day in handover.list_dates(lake.s3, lake.layout, source.name):
            try:
                manifests[day] = handover.get_manifest(lake.s3, lake.layout, source.name, day)
            except ManifestError:
                # It is unknown what belongs to the date; materializing it reports the damage.
                untouchable.add(day)
        pointer = find_pointer(lake.s3, lake.layout, source.name)
        held = waiting(pointer, set(manifests), manual=source.publish == "manual")
        return cls(
            settings=source,
            manifests=manifests,
            untouchable=frozenset(untouchable),
            published=_recorded(
                lake, source, {day: manifest for day, manifest in manifests.items() if day not in held}
            ),
            partitions=_partitions(lake, source),
        )

    def is_read(self, task: ExportTask) -> bool:
        """Whether a partition points into the export, which is then read in place, regardless of manifests."""
        folder = f"s3://{task.bucket}/{task.folder}"
        return any(partition.location.startswith(folder) for _, partition in self.partitions)


def _recorded(lake: Lake, source: SourceSettings, manifests: Mapping[date, Manifest]) -> frozenset[tuple[date, str]]:
    """Returns date and export of the manifests with a row in `<source>._snapshots`, by one listing."""
    rows = lake.layout.snapshot_log_folder(source.name)
    keys = sorted(item.key for item in lake.s3.list_objects(lake.layout.bucket, rows))
    recorded: set[tuple[date, str]] = set()
    for day, manifest in manifests.items():
        start = f"{rows}{day}-{manifest.export.export_task}."
        at = bisect_left(keys, start)
        if at < len(keys) and keys[at].startswith(start):
            recorded.add((day, manifest.export.export_task))
    return frozenset(recorded)


def _partitions(lake: Lake, source: SourceSettings) -> list[tuple[str, GluePartition]]:
    """Returns every raw table's partitions, by the table's name."""
    names = [table.name for table in own_raw_tables(lake, source.name)]
    with cancelling_threads(_PARALLEL, "partitions") as pool:
        by_table = pool.map(lambda name: list(lake.glue.find_partitions(source.name, name)), names)
        return [(name, partition) for name, own in zip(names, by_table, strict=True) for partition in own]
