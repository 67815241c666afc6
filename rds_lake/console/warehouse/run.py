"""`rds-lake warehouse run`: a run that a person begins and waits for, or only checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.warehouse.opened import open_planner, open_works
from rds_lake.defs.warehouse.waiting import wait_for
from rds_lake.errors import ConfigError, WarehouseError
from rds_lake.model.warehouse.input import parse_input
from rds_lake.model.warehouse.plan import Files, LakeTable, Plan
from rds_lake.stages.lake.lake import Lake, open_lake
from rds_lake.stages.warehouse.cost import bill_of
from rds_lake.stages.warehouse.planning.plan import Asked as PlanAsked
from rds_lake.stages.warehouse.planning.plan import plan_run
from rds_lake.stages.warehouse.records import begin_run

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `run`: the id of the run."""

    name: str
    run: str
    file: Path | None = None
    parameters: tuple[str, ...] = ()
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How the command waits for the end of the run."""

    poll_seconds: float
    sleep: Callable[[float], None]
    clock: Callable[[], datetime]


def run(config: LakeConfig, asked: Asked, waiting: Waiting, *, say: Say) -> None:
    """Begin the run and wait. WarehouseError lists what failed."""
    settings = _with_parameters(config.warehouse(asked.name), asked.parameters)
    clients = open_clients(region=config.lake.region)
    lake = open_lake(clients, config.lake)
    plan = _plan(config, settings, lake, asked, waiting.clock)
    for line in described(plan):
        say(line)
    if asked.check:
        return
    works = open_works(config, settings, clients, lake, clock=waiting.clock)
    begin_run(lake, plan, cause="rds-lake warehouse run", now=waiting.clock())
    record = wait_for(works, plan.run, poll_seconds=waiting.poll_seconds, sleep=waiting.sleep, log=say)
    say(f"it used {bill_of(record, settings, waiting.clock())}")
    for piece in record.pieces:
        for file in piece.files:
            say(f"{piece.name}: {file}")
    if record.error is not None:
        raise WarehouseError(f"run {plan.run} of warehouse {settings.name} failed:", record.error.splitlines())


def described(plan: Plan) -> list[str]:
    """Returns what the run will do, in the order of the plan."""
    lines = [f"run {plan.run} of warehouse {plan.warehouse}, {plan.mode.value}"]
    for load in plan.loads:
        match load.origin:
            case LakeTable() as table:
                of = f"{table.source}.{table.table} of {table.snapshot_date}"
            case Files() as files:
                of = f"{files.format.value} files, {', '.join(files.uris[:3])}"
        lines.append(f"load {load.name}: {of}, by {load.by.value}")
    lines += [f"step {step.name}: after {', '.join(step.needs) or 'nothing'}" for step in plan.steps]
    return lines + [f"unload {each.name}: {each.format.value} to {each.to}" for each in plan.unloads]


def _plan(
    config: LakeConfig, settings: WarehouseSettings, lake: Lake, asked: Asked, clock: Callable[[], datetime]
) -> Plan:
    planner = open_planner(config, settings, lake, clock=clock)
    body = parse_input(asked.file.read_text(encoding="utf-8")) if asked.file is not None else None
    place = f"{settings.input or ''}{asked.file.name}" if asked.file is not None else None
    return plan_run(planner, PlanAsked(run=asked.run, cause="rds-lake warehouse run", body=body, place=place))


def _with_parameters(settings: WarehouseSettings, given: tuple[str, ...]) -> WarehouseSettings:
    pairs = [text.partition("=") for text in given]
    wrong = [name for name, equals, _ in pairs if not equals or name not in settings.parameters]
    if wrong:
        known = ", ".join(settings.parameters) or "none"
        raise ConfigError(
            f"--parameter {', '.join(wrong)}: write NAME=VALUE, of the parameters that lake.yaml has: {known}"
        )
    return settings.model_copy(
        update={"parameters": {**settings.parameters, **{name: value for name, _, value in pairs}}}
    )
