"""Names and labels in Dagster: keys, groups, kinds, tags and metadata, decided in one place.

What belongs here: how a source, stage or table appears in the UI. What does not: computing the values.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import dagster as dg

from rds_lake.config.lake import Prices
from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.cost import export_usd, relocation_requests, requests_usd
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.source.outcomes import Published


class Stage(StrEnum):
    """The stage assets of a source; the value is the last part of the asset key."""

    EXPORT = "snapshot_export"
    PARQUET = "parquet"
    CATALOG = "catalog"
    VIEWS = "views"


# Assets of a source that are no stage of every source; see `stage_key`.
APPROVAL, RETENTION, OUTCOME = "publish_approval", "retention", "publish_outcome"

# A table's view may have any of these names, too.
OWN_NAMES = frozenset({*(stage.value for stage in Stage), APPROVAL, RETENTION, OUTCOME})


class Tag(StrEnum):
    """Run tags the sensor sets and the assets read."""

    SOURCE = "rds_lake/source"
    TRIGGER = "rds_lake/trigger"
    EXPORT_TASK = "rds_lake/export_task"
    SUBJECT = "rds_lake/subject"
    TRIES = "rds_lake/tries"  # how often the work of a run was taken up again (`stages/runs/healing.py`)


_KINDS: Mapping[Stage, set[str]] = {
    Stage.PARQUET: {"s3", "parquet"},
    Stage.CATALOG: {"aws", "table"},
    Stage.VIEWS: {"athena", "view"},
}

_DESCRIPTIONS: Mapping[Stage, str] = {
    Stage.CATALOG: "Raw Glue tables and the date's partitions, made from the manifest and read back through Athena.",
    Stage.VIEWS: "Typed Athena views of the source, flipped together to one snapshot date.",
}


_IN_PLACE = "AWS's own Parquet, read where AWS put it: every file's footer, and the manifest; nothing is copied."


def stage_key(source: SourceSettings, stage: Stage) -> dg.AssetKey:
    """`<source>/<stage>`."""
    return own_key(source, stage.value)


def own_key(source: SourceSettings, name: str) -> dg.AssetKey:
    """`<source>/<name>` of an asset that is no table's; ValueError when the name is not one of `OWN_NAMES`."""
    if name not in OWN_NAMES:
        raise ValueError(f"{name!r} is not among OWN_NAMES, so a table of that name would have the same key")
    return dg.AssetKey([source.name, name])


def table_key(source: SourceSettings, view: str) -> dg.AssetKey:
    """`<source>/<view>`; `<source>/Table/<view>` where the view has the name of an asset of ours.

    No view has a capital letter in its name, so neither that key nor the names Dagster makes of keys meet another's.
    """
    return dg.AssetKey([source.name, "Table", view] if view in OWN_NAMES else [source.name, view])


def asset_attributes(source: SourceSettings, stage: Stage) -> dict[str, Any]:
    """Group, kinds, tags and description of a stage's assets, as keyword arguments of a spec or decorator."""
    parquet = _IN_PLACE if source.in_place else source.parquet_asset
    descriptions = {Stage.EXPORT: source.export_asset, Stage.PARQUET: parquet, **_DESCRIPTIONS}
    return {
        "group_name": source.name,
        "kinds": {source.asset_kind, "s3"} if stage is Stage.EXPORT else _KINDS[stage],
        "tags": {Tag.SOURCE.value: source.name, "rds_lake/stage": stage.value},
        "description": descriptions[stage],
    }


def partitions_of(config: LakeConfig, source: SourceSettings) -> dg.DailyPartitionsDefinition:
    """One partition per UTC date; `end_offset=1` gives today's snapshot a partition today."""
    return dg.DailyPartitionsDefinition(start_date=first_date(config, source).isoformat(), end_offset=1, timezone="UTC")


def check_spec(
    config: LakeConfig,
    source: SourceSettings,
    name: str,
    *,
    asset: dg.AssetKey,
    description: str,
    blocking: bool = False,
    behind: Sequence[dg.AssetKey] = (),
) -> dg.AssetCheckSpec:
    """A check by date, as its asset is: what failed on an old date says nothing of the others.

    Every run of it has a partition. `behind`: assets that are made before it in the same run.
    """
    with warnings.catch_warnings():
        # Dagster says of it that it may change; constraints.txt pins a release it works with.
        warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")
        return dg.AssetCheckSpec(
            name,
            asset=asset,
            description=description,
            blocking=blocking,
            additional_deps=list(behind) or None,
            partitions_def=partitions_of(config, source),
        )


def manifest_metadata(manifest: Manifest) -> dict[str, Any]:
    """Provenance and size of a snapshot date."""
    export = manifest.export
    return {
        "dagster/row_count": manifest.rows,
        "rds_lake/snapshot_arn": export.snapshot_arn,
        "rds_lake/snapshot_time": export.snapshot_time.isoformat(),
        "rds_lake/export_task": export.export_task,
        "rds_lake/tables": len(manifest.tables),
        "rds_lake/files": manifest.files,
        "rds_lake/bytes": manifest.bytes,
    }


def export_cost_metadata(
    prices: Prices, *, snapshot_gb: float | None, seconds: float | None, of_tables: bool
) -> dict[str, Any]:
    """What the export took, as far as AWS says it."""
    found: dict[str, Any] = {}
    if snapshot_gb is not None:
        found["rds_lake/snapshot_gb"] = snapshot_gb
        found["rds_lake/export_usd_estimated"] = round(
            export_usd(prices, snapshot_gb=snapshot_gb, of_tables=of_tables), 4
        )
    if seconds is not None:
        found["rds_lake/export_seconds"] = seconds
    return found


def relocation_cost_metadata(prices: Prices, manifest: Manifest) -> dict[str, Any]:
    """The requests that copying takes, and their price."""
    requests = relocation_requests(manifest)
    return {
        "rds_lake/s3_requests": requests.puts + requests.gets,
        "rds_lake/s3_usd_estimated": round(requests_usd(prices, requests), 6),
    }


_STATUS: Mapping[State, str] = {
    State.PUBLISHED: "published",
    State.HELD: "held: no view moves until a person publishes the date",
    State.OLDER: "available as of its date; a newer date is published",
    State.ROLLED_BACK: "available as of its date; the source was rolled back from it",
}


def view_metadata(source: str, table: TypedTable, day: date, *, state: State) -> dict[str, Any]:
    """What the UI shows of one published table."""
    manifest: TableManifest = table.named.manifest
    originals = {column.name: column.original_type for column in manifest.columns}
    columns = [
        dg.TableColumn(
            name=column.alias,
            type=column.presto_type,
            description=originals.get(column.name, "not in this snapshot: NULL"),
        )
        for column in table.columns
    ]
    return {
        "dagster/row_count": manifest.rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": f"awsdatacatalog.{source}.{table.names.view}",
        "dagster/uri": manifest.location,
        "rds_lake/status": _STATUS[state],
        "rds_lake/snapshot_date": day.isoformat(),
        "rds_lake/original_table": str(manifest.target),
        "rds_lake/bytes": manifest.bytes,
    }


def published_metadata(
    source: SourceSettings, outcome: Published, target: TableTarget | None, day: date
) -> dict[str, Any]:
    """What the UI shows of a table after the source's views were moved, or held; None: of all, where tables have no assets."""
    if target is None:
        return outcome.metadata()
    table = next((table for table in outcome.tables if table.names.target == target), None)
    if table is not None:
        return view_metadata(source.name, table, day, state=outcome.publication.state)
    reason = next((one.reason for one in outcome.left_out if one.table == str(target)), None)
    return {
        "rds_lake/status": f"no view: {reason}" if reason else "absent",
        "rds_lake/snapshot_date": day.isoformat(),
    }


def ending_keys(source: SourceSettings, views: Sequence[dg.AssetKey]) -> list[dg.AssetKey]:
    """The assets of the step that publishes, in an order of their own; the last one is made by every date that comes so far."""
    outcome = own_key(source, OUTCOME)
    return sorted(views, key=lambda key: (key == outcome, key.path))
