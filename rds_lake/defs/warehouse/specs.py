"""The assets of a warehouse: one per load, step and result, each downstream of its inputs.

    <source>/<table> -> <warehouse>/<load> -> <warehouse>/<step> -> <warehouse>/<result>

They have no partitions: a run takes the published date of each source, and several sources may be at different ones; the dates are
in the metadata. What belongs here: specs. The step that makes them is `assets.py`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import LoadOfTable, UnloadOfQuery, WarehouseSettings
from rds_lake.defs.keys import Keys, StageKeys
from rds_lake.defs.warehouse.metadata import WAREHOUSE_TAG
from rds_lake.model.warehouse.plan import Step
from rds_lake.sql.quoting import identifier
from rds_lake.sql.warehouse.statements import filled
from rds_lake.sql.warehouse.steps import needed_by, read_steps
from rds_lake.stages.warehouse.planning.step_files import read_step_files

ROWS_CHECK = "rows_as_in_the_lake"


def piece_key(settings: WarehouseSettings, name: str) -> dg.AssetKey:
    """Returns `<warehouse>/<name>` of a load, step or result."""
    return dg.AssetKey([settings.name, name])


def steps_of(config: LakeConfig, settings: WarehouseSettings) -> tuple[Step, ...]:
    """Returns the steps in order. Raises ConfigError with the problems of their files."""
    loads = [load.table_name for load in settings.loads]
    return read_steps(read_step_files(config, settings), settings.parameters, loads=loads)


def specs_of(settings: WarehouseSettings, keys: Keys, steps: Sequence[Step]) -> Iterator[dg.AssetSpec]:
    """Yields all assets of the warehouse. A run may skip some: failed ones, and those that depend on them."""
    loads = [load.table_name for load in settings.loads]
    for load in settings.loads:
        of_lake = isinstance(load, LoadOfTable)
        what = f"`{load.table}` of the lake" if of_lake else f"{load.format} files in S3"
        deps = _view(load, keys) if of_lake else []
        yield _spec(settings, load.table_name, f"{what}, loaded into Redshift.", {"redshift", "table"}, deps)
    for step in steps:
        needs = [piece_key(settings, name) for name in step.needs]
        yield _spec(settings, step.name, f"The statements of `{step.name}.sql`.", {"redshift", "sql"}, needs)
    for result in settings.unload:
        needs = [piece_key(settings, name) for name in _needs(result, settings.parameters, loads, steps)]
        described = f"{result.format} {'file' if result.single_file else 'files'} under {result.to}"
        yield _spec(settings, result.name, described, {"redshift", "s3"}, needs)


def check_specs_of(settings: WarehouseSettings) -> list[dg.AssetCheckSpec]:
    """Returns a check for each table of the lake: as many rows as in its manifest."""
    return [
        dg.AssetCheckSpec(
            ROWS_CHECK,
            asset=piece_key(settings, load.table_name),
            description="Redshift has as many rows as the manifest of the lake's date.",
        )
        for load in settings.loads
        if isinstance(load, LoadOfTable)
    ]


def _spec(
    settings: WarehouseSettings, name: str, description: str, kinds: set[str], deps: Sequence[dg.AssetKey | dg.AssetDep]
) -> dg.AssetSpec:
    return dg.AssetSpec(
        piece_key(settings, name),
        deps=deps,
        skippable=True,
        group_name=settings.name,
        kinds=kinds,
        tags={WAREHOUSE_TAG: settings.name},
        description=description,
    )


def _view(load: LoadOfTable, keys: Keys) -> list[dg.AssetDep]:
    """Returns the asset of the table's view; its dates are partitions, and a run reads one of them."""
    source, _, view = load.table.partition(".")
    key = _of_view(keys[source], view)
    return [dg.AssetDep(key, partition_mapping=dg.LastPartitionMapping())] if key is not None else []


def _of_view(keys: StageKeys, view: str) -> dg.AssetKey | None:
    by_name = {key.path[-1]: key for target, key in keys.tables.items() if target is not None}
    # If there is one asset for all views of the source, or the table is not in the file of known tables yet, it depends on `catalog`.
    return by_name.get(view) or keys.tables.get(None) or keys.catalog


def _needs(
    result: UnloadOfQuery, parameters: Mapping[str, str], loads: Collection[str], steps: Sequence[Step]
) -> Sequence[str]:
    sql = f"SELECT * FROM {identifier(result.table)}" if result.table else filled(result.query or "", parameters)[0]
    return needed_by(sql, loads, steps)
