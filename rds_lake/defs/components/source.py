"""`type: rds_lake.SourceComponent`: one source of the lake in a `defs.yaml` of its own.

It defines nothing by itself: the lake's component gathers all sources, since events, names and quotas are theirs together.
"""

from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from rds_lake.defs.components.attributes import Attributes, Given
from rds_lake.defs.components.scaffold import SourceScaffolder
from rds_lake.defs.components.schema import source_schema
from rds_lake.errors import ConfigError


class SourceAttributes(Attributes):
    """The keys of one entry of lake.yaml's `sources:`."""

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        return source_schema()


class GathersSources(dg.Component):
    """The component that defines all sources of the project."""


@dg.scaffold_with(SourceScaffolder)
class SourceComponent(dg.Component):
    """One RDS instance, one Aurora cluster or one set of DynamoDB tables of the project's rds_lake.LakeComponent."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.given = Given(values=values or {}, where="SourceComponent")

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return SourceAttributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            description="A database or a set of DynamoDB tables, exported to the lake every day.",
            tags=["aws", "rds", "dynamodb", "athena"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        loaded = cls()
        loaded.given = Given.read(attributes, context)
        return loaded

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        if not context.component_tree.get_all_components(of_type=GathersSources):
            raise ConfigError(
                f"{self.given.at(())}: the project has no rds_lake.LakeComponent that this source could belong to; add one: "
                "dg scaffold defs rds_lake.LakeComponent lake"
            )
        return dg.Definitions()
