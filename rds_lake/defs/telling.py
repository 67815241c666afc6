"""What Dagster is told of dates that were published outside of its own runs: by the command line, or before it knew the tables.

Without it, what waits for a table's asset never starts after `rds-lake publish`, and a table that `rds-lake refresh` has just
made known looks as if it had never been published.

What belongs here: which events. Publishing is `stages/publish/by_hand.py`, the commands are `console/`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.assets.source import SourceTables
from rds_lake.defs.translate import (
    APPROVAL,
    OUTCOME,
    Stage,
    own_key,
    partitions_of,
    published_metadata,
    stage_key,
    table_key,
)
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.publisher import Publication
from rds_lake.stages.source.outcomes import Published

STATUS = "rds_lake/status"


def table_keys(source: SourceSettings, known: Sequence[TableTarget] | None) -> dict[TableTarget | None, dg.AssetKey]:
    """The asset of every table, or the one of all (None).

    By table, not by view: a name that was published before it was lake.yaml's own stays in Athena, and is no asset's key.
    """
    views = SourceTables.of(source, known).views
    if not views:
        return {None: stage_key(source, Stage.VIEWS)}
    return {target: table_key(source, view) for view, target in views.items()}


def published(
    lake: Lake, source: SourceSettings, known: Sequence[TableTarget] | None, publication: Publication, *, how: str
) -> Iterator[dg.AssetMaterialization]:
    """One of every view that moved with the source to `publication.latest`, with what the UI shows of it."""
    day = publication.latest
    if day is None:
        return
    tables = tables_of(lake, source, day)
    outcome = Published(publication=publication, tables=tables.typed, left_out=tables.left_out)
    for target, key in table_keys(source, known).items():
        metadata = published_metadata(source, outcome, target, day) | {"rds_lake/how": how}
        yield dg.AssetMaterialization(key, metadata=metadata, partition=day.isoformat())


def decided(source: SourceSettings, publication: Publication, *, how: str) -> list[dg.AssetMaterialization]:
    """Of a source with `publish: manual`: the date does not wait any more."""
    if source.publish != "manual" or publication.latest is None:
        return []
    keys = [own_key(source, OUTCOME), own_key(source, APPROVAL)]
    day = publication.latest.isoformat()
    return [dg.AssetMaterialization(key, metadata={STATUS: how}, partition=day) for key in keys]


def missing(
    instance: dg.DagsterInstance,
    config: LakeConfig,
    source: SourceSettings,
    known: Sequence[TableTarget],
    dates: Mapping[str, Sequence[date]],
) -> Iterator[dg.AssetMaterialization]:
    """The dates of every table, oldest first, that its asset does not show; `dates` are those in the lake, by its name."""
    partitions = partitions_of(config, source)
    for target, key in table_keys(source, known).items():
        days = [day.isoformat() for day in sorted(dates.get(str(target), ()))]
        found = instance.get_status_by_partition(key, days, partitions) if days else None
        for day in days:
            if (found or {}).get(day) is not dg.AssetPartitionStatus.MATERIALIZED:
                metadata = {STATUS: "published before this asset was known", "rds_lake/snapshot_date": day}
                yield dg.AssetMaterialization(key, metadata=metadata, partition=day)
