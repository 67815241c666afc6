"""Starts runs without a JSON: from "Materialize", or from the command line."""

from collections.abc import Mapping

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.warehouse.opened import open_planner
from rds_lake.errors import ConfigError
from rds_lake.model.warehouse.record import RunRecord
from rds_lake.stages.warehouse.planning.plan import Asked, plan_run
from rds_lake.stages.warehouse.records import begin_run, find_run
from rds_lake.stages.warehouse.turn import Works


def begin_by_hand(
    works: Works, config: LakeConfig, run: str, *, cause: str, parameters: Mapping[str, str]
) -> RunRecord:
    """Returns the run, started now or before. Raises ConfigError with everything that prevents it."""
    there = find_run(works.lake, works.settings.name, run)
    if there is not None:
        return there.record
    settings = works.settings
    unknown = [name for name in parameters if name not in settings.parameters]
    if unknown:
        known = ", ".join(settings.parameters) or "none"
        raise ConfigError(f"warehouse {settings.name} has no parameter {', '.join(unknown)}; lake.yaml has: {known}")
    asked = settings.model_copy(update={"parameters": {**settings.parameters, **parameters}})
    planner = open_planner(config, asked, works.lake, clock=works.clock)
    plan = plan_run(planner, Asked(run=run, cause=cause))
    return begin_run(works.lake, plan, cause=cause, now=works.clock())
