"""Events for Dagster about dates published outside of its runs, by the command line or before it knew the tables.

Without them, downstream assets of a table would not start after `rds-lake publish`, and a table that is new to Dagster after
`rds-lake refresh` would look as if it had never been published.

What belongs here: which events. Publishing is `stages/publish/by_hand.py`, the commands are in `console/`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata, table_metadata, versions
from rds_lake.defs.keys import APPROVAL, OUTCOME, StageKeys, own_key
from rds_lake.defs.translate import DagsterTag, partitions_of
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.source.outcomes import Published


def published(
    lake: Lake, source: SourceSettings, keys: StageKeys, publication: Publication, *, how: str
) -> Iterator[dg.AssetMaterialization]:
    """Yields one materialization of each view that moved to `publication.latest`; none if nothing is published.

    `how`: the way of publishing.
    """
    day = publication.latest
    if day is None:
        return
    tables = tables_of(lake, source, day)
    outcome = Published(publication=publication, tables=tables.typed, left_out=tables.left_out)
    for target, key in keys.tables.items():
        shown = table_metadata.table_published(source, outcome, target, day, table_metadata.Known()) | {
            metadata.HOW: how
        }
        tags = {DagsterTag.DATA_VERSION.value: versions.of_published(outcome, target).value}
        yield dg.AssetMaterialization(key, metadata=shown, partition=day.isoformat(), tags=tags)


def decided(source: SourceSettings, publication: Publication, *, how: str) -> list[dg.AssetMaterialization]:
    """Returns the event that a date of a source with `publish: manual` no longer waits for approval."""
    if source.publish != "manual" or publication.latest is None:
        return []
    keys = [own_key(source, OUTCOME), own_key(source, APPROVAL)]
    day = publication.latest.isoformat()
    return [dg.AssetMaterialization(key, metadata=metadata.status(how), partition=day) for key in keys]


def missing(
    instance: dg.DagsterInstance,
    config: LakeConfig,
    keys: StageKeys,
    dates: Mapping[str, Sequence[date]],
) -> Iterator[dg.AssetMaterialization]:
    """Returns, oldest first, the dates of every table that its asset lacks. `dates`: those in the lake, by the table's name."""
    partitions = partitions_of(config)
    for target, key in keys.tables.items():
        days = {day.isoformat(): day for day in sorted(dates.get(str(target), ()))}
        statuses = (instance.get_status_by_partition(key, list(days), partitions) if days else None) or {}
        for name, day in days.items():
            if statuses.get(name) is not dg.AssetPartitionStatus.MATERIALIZED:
                shown = metadata.status("published before this asset was known", day=day)
                yield dg.AssetMaterialization(key, metadata=shown, partition=name)
