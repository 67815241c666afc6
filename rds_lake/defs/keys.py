"""The asset keys of a source, made once from lake.yaml and the known tables.

What belongs here: keys. How an asset looks in the UI is `translate.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dagster as dg

from rds_lake.config.source import SourceSettings
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.naming import view_names
from rds_lake.stages.lake.known_tables import TABLE_ASSETS_LIMIT


class Stage(StrEnum):
    """The stage assets of a source; the value is the last part of the asset key."""

    EXPORT = "snapshot_export"
    PARQUET = "parquet"
    CATALOG = "catalog"
    VIEWS = "views"


# Assets that only some sources have; see `StageKeys`.
APPROVAL, RETENTION, OUTCOME, CHANGES = "publish_approval", "retention", "publish_outcome", "changes"

# A table's view may have any of these names, too.
OWN_NAMES = frozenset({*(stage.value for stage in Stage), APPROVAL, RETENTION, OUTCOME, CHANGES})


def stage_key(source: SourceSettings, stage: Stage) -> dg.AssetKey:
    """Returns `<source>/<stage>`."""
    return own_key(source, stage.value)


def own_key(source: SourceSettings, name: str) -> dg.AssetKey:
    """Returns `<source>/<name>` of an asset that is not a table's. Raises ValueError if the name is not in `OWN_NAMES`."""
    if name not in OWN_NAMES:
        raise ValueError(f"{name!r} is not among OWN_NAMES, so a table of that name would have the same key")
    return dg.AssetKey([source.name, name])


def table_key(source: SourceSettings, view: str) -> dg.AssetKey:
    """Returns `<source>/<view>`; `<source>/Table/<view>` if the view has one of `OWN_NAMES`.

    No view has a capital letter in its name, so neither this key nor the names that Dagster derives from keys collide.
    """
    return dg.AssetKey([source.name, "Table", view] if view in OWN_NAMES else [source.name, view])


@dataclass(frozen=True, slots=True, kw_only=True)
class StageKeys:
    """The assets of one source that bring a date to its readers.

    `tables`: the asset of each table's view, by table, in the order of the known tables; `{None: key}` if all views
    have one asset; empty with `athena: false`, which has no `catalog` either. `outcome`: only with `publish: manual`.

    The keys are by table, not by view: a name that was published before it became one of `OWN_NAMES` stays in Athena,
    but is not an asset's key.
    """

    snapshot_export: dg.AssetKey
    parquet: dg.AssetKey
    catalog: dg.AssetKey | None
    tables: Mapping[TableTarget | None, dg.AssetKey]
    outcome: dg.AssetKey | None = None

    @classmethod
    def of(cls, source: SourceSettings, known: Sequence[TableTarget] | None = None) -> "StageKeys":
        """Returns the keys of the source. `known`: its tables, if they are known.

        Raises ConfigError if two tables want one view name.
        """
        return cls(
            snapshot_export=stage_key(source, Stage.EXPORT),
            parquet=stage_key(source, Stage.PARQUET),
            catalog=stage_key(source, Stage.CATALOG) if source.athena else None,
            tables=table_keys(source, known) if source.athena else {},
            outcome=own_key(source, OUTCOME) if source.athena and source.publish == "manual" else None,
        )

    @property
    def published(self) -> tuple[dg.AssetKey, ...]:
        """Returns the keys of the publishing step, by name, with the outcome (also of a held date) last."""
        views = sorted(self.tables.values(), key=lambda key: tuple(key.path))
        return (*views, self.outcome) if self.outcome else tuple(views)

    @property
    def whole(self) -> tuple[dg.AssetKey, ...]:
        """Returns every key of the source, in the order of the stages."""
        return (self.snapshot_export, *self.from_parquet)

    @property
    def from_parquet(self) -> tuple[dg.AssetKey, ...]:
        """Returns the keys of all stages after the export."""
        return (self.parquet, *self.from_catalog)

    @property
    def from_catalog(self) -> tuple[dg.AssetKey, ...]:
        """Returns the keys of all stages after the Parquet."""
        return (self.catalog, *self.published) if self.catalog else ()

    def stages(self, selected: Collection[dg.AssetKey]) -> list[Stage]:
        """Returns the stages that make any of the selected assets, in order."""
        made = {
            Stage.EXPORT: (self.snapshot_export,),
            Stage.PARQUET: (self.parquet,),
            Stage.CATALOG: (self.catalog,),
            Stage.VIEWS: self.published,
        }
        return [stage for stage, keys in made.items() if any(key in selected for key in keys)]

    @property
    def last(self) -> dg.AssetKey:
        """Returns the asset whose materialization completes a date."""
        return self.whole[-1]

    @property
    def before_readers(self) -> tuple[dg.AssetKey, ...]:
        """Returns the assets that must be materialized before readers see a date; a held date has its outcome and no view.

        One view represents all, as one step makes them: a check that depends on each view would double what Dagster
        loads.
        """
        return (self.outcome,) if self.outcome else self.published[-1:]


Keys = Mapping[str, StageKeys]  # of every source, by its name


def table_keys(source: SourceSettings, known: Sequence[TableTarget] | None) -> dict[TableTarget | None, dg.AssetKey]:
    """Returns one asset per table if tables are known, wanted and few enough for Dagster's event log; otherwise one for all."""
    if not known or not source.table_assets or len(known) > TABLE_ASSETS_LIMIT:
        return {None: stage_key(source, Stage.VIEWS)}
    return {target: table_key(source, view) for target, view in view_names(known, source).items()}
