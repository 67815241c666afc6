"""`type: rds_lake.LakeComponent`: a lake in a project of `dg`.

Its attributes are lake.yaml's, with `sources:` here, or each in a `defs.yaml` of its own (`source.py`), or both. A subclass may give
other resources, or another environment's settings:

    class OurLake(rds_lake.LakeComponent):
        def resources(self) -> dict[str, Any]:
            return {"aws": AwsResource(profile_name="data")}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs
from pydantic import BaseModel

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.components.attributes import Attributes, Given
from rds_lake.defs.components.reading import read_lake
from rds_lake.defs.components.scaffold import LakeScaffolder
from rds_lake.defs.components.schema import lake_schema
from rds_lake.defs.components.source import GathersSources, SourceComponent
from rds_lake.defs.components.state import Tables, read_state, refresh_state
from rds_lake.errors import ConfigError
from rds_lake.model.tables.table import TableTarget

if TYPE_CHECKING:
    from rds_lake.aws.s3.gateway import S3Gateway

_STATE = "defs_state"
# Definitions load without AWS, also in `dg dev`: the state is refreshed only on request.
_LOCAL_STATE = {"management_type": "LOCAL_FILESYSTEM", "refresh_if_dev": False}


class LakeAttributes(Attributes):
    """The keys of lake.yaml, and where Dagster keeps the state."""

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        return lake_schema()


@dg.scaffold_with(LakeScaffolder)
class LakeComponent(dg.StateBackedComponent, GathersSources):
    """RDS, Aurora and DynamoDB, exported every day to S3 and published as Athena views. One per project."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        """`values`: the attributes, if they are not from a `defs.yaml`."""
        self.given = Given(values=values or {}, where=type(self).__name__)
        self._tree: dg.ComponentTree | None = None

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return LakeAttributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            description="Production databases, queryable in Athena every morning, without touching production.",
            tags=["aws", "rds", "aurora", "dynamodb", "s3", "glue", "athena"],
            produces=["asset", "asset_check", "schedule", "sensor", "resource"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        loaded = cls()
        loaded.given, loaded._tree = Given.read(attributes, context), context.component_tree
        context.component_tree.mark_component_defs_state_key(
            defs_state_key=loaded.defs_state_config.key, loc=context.component_loc
        )
        return loaded

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """Returns the state's key, by the lake's bucket and prefix, so that two environments do not share it."""
        lake = self.given.values.get("lake")
        named = [str(lake.get(key, "")) for key in ("bucket", "prefix")] if isinstance(lake, Mapping) else []
        args = DefsStateConfigArgs(**{**_LOCAL_STATE, **(self.given.values.get(_STATE) or {})})
        return DefsStateConfig.from_args(args, default_key=f"RdsLake[{'/'.join(filter(None, named))}]")

    def config(self) -> LakeConfig:
        """Returns the whole configuration. Raises ConfigError with every problem, its file and line."""
        values = {key: value for key, value in self.given.values.items() if key != _STATE}
        lake = Given(values=values, where=self.given.where, line_of=self.given.line_of)
        return read_lake(lake, [source.given for source in self._sources()])

    def _sources(self) -> Sequence[SourceComponent]:
        if self._tree is None:
            return ()
        lakes = self._tree.get_all_components(of_type=LakeComponent)
        if len(lakes) > 1:
            places = [lake.given.at(()) for lake in lakes]
            raise ConfigError("a project has one rds_lake.LakeComponent; keep one of these:", places)
        return self._tree.get_all_components(of_type=SourceComponent)

    def resources(self) -> dict[str, Any]:
        """Returns resources that replace rds-lake's own: `aws`, for another profile, Region or endpoint."""
        return {}

    def build(self, config: LakeConfig, known_tables: Tables) -> dg.Definitions:
        """Returns the project's definitions, without an executor: the project's own runs the steps."""
        from rds_lake.defs.build import build_definitions  # with boto3

        return build_definitions(config, known_tables=known_tables, resources=self.resources(), executor=None)

    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        self._tree = context.component_tree
        config = self.config()
        tables = read_state(state_path) if state_path else {}
        included = {source.name: source.included_tables for source in config.sources}
        tables |= {name: tuple(sorted(named)) for name, named in included.items() if named is not None}
        return self.build(config, tables)

    def write_state_to_path(self, state_path: Path) -> None:
        config = self.config()
        refresh_state(state_path, config, lambda source: _newest(self._s3(config), config, source))

    def _s3(self, config: LakeConfig) -> "S3Gateway":
        from rds_lake.defs.resources import AwsResource  # with boto3

        return self.resources().get("aws", AwsResource()).gateways(config.lake).s3


def _newest(s3: "S3Gateway", config: LakeConfig, source: SourceSettings) -> Sequence[TableTarget] | None:
    from rds_lake.stages.lake.refresh import newest_tables  # with boto3

    newest = newest_tables(s3, config, source)
    return newest[1] if newest else None
