"""Makes the `Plan` of a run from lake.yaml, the steps' files and a JSON, before anything is created.

    plan = plan_run(planner, asked)      every problem at once: InputError for a JSON, ConfigError otherwise

What belongs here: combining the parts of the plan. Loads are `loads.py`, results `results.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.errors import ConfigError, InputError
from rds_lake.model.warehouse.input import WarehouseInput
from rds_lake.model.warehouse.plan import Mode, Plan, Step
from rds_lake.sql.warehouse.steps import read_steps
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.warehouse.planning.loads import LoadPlanner
from rds_lake.stages.warehouse.planning.results import planned_results

# For an input with `delete_stack: false` if lake.yaml keeps nothing: a JSON must not keep a cluster forever.
_KEPT_BY_INPUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for a run. `run`: its id; `cause`: for information; `place`: the URI of the JSON in `body`."""

    run: str
    cause: str
    body: WarehouseInput | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """The inputs of plans for one warehouse. `step_files`: text by name."""

    config: LakeConfig
    settings: WarehouseSettings
    lake: Lake
    step_files: Mapping[str, str]
    clock: Callable[[], datetime]


def plan_run(planner: Planner, asked: Asked) -> Plan:
    """Returns the plan of the run. Raises InputError, or ConfigError without a JSON, with every problem."""
    settings, body = planner.settings, asked.body
    problems: list[str] = []
    parameters = dict(settings.parameters) | (body.parameters if body else {})
    problems += [
        f"$.parameters.{name}: lake.yaml has no parameter of that name; {_known(settings)}"
        for name in (body.parameters if body else ())
        if name not in settings.parameters
    ]
    loads = LoadPlanner(config=planner.config, settings=settings, lake=planner.lake, place=asked.place)
    planned = loads.plan(body.tables if body else (), problems)
    steps = _steps(planner, parameters, [load.name for load in planned], problems)
    run = {"run": asked.run, "date": f"{planner.clock():%Y-%m-%d}", "warehouse": settings.name}
    unloads = planned_results(settings, body.results if body else None, parameters, run, planned, steps, problems)
    if problems:
        raise InputError(problems) if body else ConfigError(f"warehouse {settings.name} cannot run:", problems)
    return Plan(
        warehouse=settings.name,
        run=asked.run,
        mode=Mode(settings.mode),
        loads=planned,
        steps=steps,
        unloads=unloads,
        parameters=parameters,
        keep_minutes=_keep(settings, body),
        budget_usd=settings.budget_usd,
    )


def _steps(planner: Planner, parameters: Mapping[str, str], loads: list[str], problems: list[str]) -> tuple[Step, ...]:
    try:
        return read_steps(planner.step_files, parameters, loads=loads)
    except ConfigError as error:
        problems += error.problems
        return ()


def _keep(settings: WarehouseSettings, body: WarehouseInput | None) -> float | None:
    if body is None or body.delete_stack is None:
        return settings.keep_minutes
    if body.delete_stack:
        return 0
    return _KEPT_BY_INPUT if settings.keep_minutes == 0 else settings.keep_minutes


def _known(settings: WarehouseSettings) -> str:
    names = ", ".join(settings.parameters)
    return f"it has {names}" if names else "it has none: add it to `parameters:`"
