"""What Dagster loads: the lake of `lake.yaml`, and the models of dbt that read its views, in one graph."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.definitions import known_tables
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource

HERE = Path(__file__).parent.parent

# Whatever date was published: a model reads the views, which show it, and has no partitions.
WHEN_PUBLISHED = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)


class Models(DagsterDbtTranslator):
    """Models are made when what they read was published; sources have the keys that `sources.yml` gives them."""

    def get_automation_condition(self, dbt_resource_props: Any) -> dg.AutomationCondition[Any] | None:  # noqa: ARG002
        return WHEN_PUBLISHED


def models_of(project: DbtProject) -> dg.AssetsDefinition:
    """Every model of the project, one asset each, and its tests as checks."""
    # A source with more than 200 tables has one asset for all of its views, and so one key for all of its tables.
    settings = DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)

    @dbt_assets(manifest=project.manifest_path, project=project, dagster_dbt_translator=Models(settings))
    def shop_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        yield from dbt.cli(["build"], context=context).stream()

    return shop_models


def project(config: LakeConfig, aws: AwsResource, dbt: DbtProject) -> dg.Definitions:
    """The lake and the models. `executor=None`: this project's own runs the steps of both."""
    known = known_tables(config, report=logging.getLogger("shop_models").error)
    lake = build_definitions(config, known_tables=known, resources={"aws": aws}, executor=None)
    sensor = dg.AutomationConditionSensorDefinition(
        "models", target=dg.AssetSelection.all(), default_status=dg.DefaultSensorStatus.RUNNING
    )
    ours = dg.Definitions(
        assets=[models_of(dbt)],
        resources={"dbt": DbtCliResource(project_dir=dbt)},
        sensors=[sensor],
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(lake, ours)


@dg.definitions
def defs() -> dg.Definitions:
    """This project. `dagster dev` has dbt parse it anew; a deployment does so when it is built (`dbt parse`)."""
    dbt = DbtProject(project_dir=HERE, profiles_dir=HERE)
    dbt.prepare_if_dev()
    return project(load_config(HERE / "lake.yaml"), AwsResource(), dbt)
