"""Orders: what a sensor or schedule requests of a run, as the typed configuration of its steps.

    run launched by              `trigger`    what its steps do
    a person, a backfill         by_hand      decide by themselves: start or adopt the export, wait for it, continue
    event of a snapshot          begin        start or adopt the export, and end
    event of an export's end     settle       take over the ended export `export_task`
    event of Glue's last run     convert      take over Glue's results
    reconciliation               any of these, or scan: read DynamoDB's tables

Runs also have these words as tags, by which they are searched and shown. No step reads the tags, and a sensor that finds a run
by a tag uses the run's configuration: a tag that a person copied to another run has no effect.

A run that a person re-executes has the configuration of the run before. An order to take over a failed export would always
fail again, but a person who presses "Re-execute all" wants the date. So such a run ignores the orders, like any run launched
by hand, and may pay for another attempt. Dagster's own retries, of runs whose machine died, follow the orders.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from rds_lake.config.source import SourceSettings
from rds_lake.defs.keys import Stage, StageKeys, stage_key
from rds_lake.defs.translate import DagsterTag, Tag
from rds_lake.stages.runs.wanted import WantedRun

_ORDERS = (Tag.TRIGGER, Tag.EXPORT_TASK, Tag.TRIES)
_STEPS: Mapping[Stage, str] = {stage: stage.value for stage in Stage} | {Stage.VIEWS: "publish"}


class Orders(dg.Config):
    """The orders of a step. Without configuration it decides itself, as for "Materialize"."""

    trigger: Literal["by_hand", "begin", "settle", "scan", "convert"] = Field(
        default="by_hand", description="Why the run was requested. Set by sensors; `by_hand` waits for the export."
    )
    export_task: str | None = Field(
        default=None,
        description="The ended export to settle; without it, the step starts, adopts or waits for an export.",
    )
    subject: str | None = Field(
        default=None, description="What is exported; reconciliation finds the run by it. Set by sensors."
    )
    tries: int = Field(
        default=0,
        ge=0,
        description="How often reconciliation has retried the date. Set by reconciliation, which gives up after some retries.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOrders:
    """The orders of a run's steps, from its configuration; None and 0 for values that are not given."""

    trigger: str | None = None
    export_task: str | None = None
    subject: str | None = None
    tries: int = 0


def op_name(source: str, stage: Stage) -> str:
    """Returns the name of the step that makes a stage's assets, for run configuration."""
    return f"{source}__{_STEPS[stage]}"


def configured(source: SourceSettings, wanted: WantedRun, selected: Collection[dg.AssetKey]) -> dict[str, Any]:
    """Returns run configuration with the wanted run's orders for those of its selected steps that accept them."""
    task = {"export_task": wanted.export_task} if wanted.export_task else {}
    whole = {"trigger": wanted.trigger, "subject": wanted.subject} | task
    # The first step has all orders, by which later ticks and the mailer recognise the run; the other only those it needs.
    later = {"trigger": wanted.trigger}
    steps = [stage for stage in (Stage.EXPORT, Stage.PARQUET) if stage_key(source, stage) in selected]
    ops = {op_name(source.name, stage): {"config": later if at else whole} for at, stage in enumerate(steps)}
    return {"ops": ops} if ops else {}


@lru_cache(maxsize=1)
def orders_schema() -> dict[str, Any]:
    """Returns the configuration schema of the steps with `Orders`, created once.

    For a parameter `config: Orders` Dagster creates it for each step, which takes half of the loading time of many
    sources.
    """
    return Orders.to_fields_dict()


def is_repeated_by_person(run: dg.DagsterRun) -> bool:
    """Whether a person executed an earlier run again."""
    repeated = run.parent_run_id is not None or DagsterTag.PARENT in run.tags
    return repeated and DagsterTag.RETRY not in run.tags


def asked(context: dg.AssetExecutionContext) -> Orders:
    """Returns the orders of a step that has `orders_schema()` as its configuration."""
    return orders_of(context, Orders.model_validate(context.op_execution_context.op_config))


def orders_of(context: dg.AssetExecutionContext, given: Orders) -> Orders:
    """Returns the step's orders; empty for a run that a person executes again."""
    if is_repeated_by_person(context.run):
        return Orders()
    if given.tries:
        context.log.info(f"reconciliation retries the date: retry {given.tries}")
    return given


def given_orders(run: dg.DagsterRun, source: str | None = None) -> GivenOrders:
    """Returns the orders of the run's steps, of one source or all; also for a re-executed run."""
    said: dict[str, Any] = {}
    for config in _orders_in(run, source):
        said |= {name: value for name, value in config.items() if value is not None and name not in said}
    tries = said.get("tries", 0)
    words = {name: str(said[name]) for name in ("trigger", "export_task", "subject") if name in said}
    return GivenOrders(**words, tries=tries if isinstance(tries, int) else 0)


def _orders_in(run: dg.DagsterRun, source: str | None) -> Iterator[Mapping[str, Any]]:
    given: Mapping[str, Any] = run.run_config
    ops: Mapping[str, Any] = given.get("ops", {})
    for name, body in ops.items():
        home, _, step = name.rpartition("__")
        if step in _STEPS.values() and source in (None, home) and isinstance(body.get("config"), Mapping):
            yield body["config"]


def repeated_orders(run: dg.DagsterRun, keys: Mapping[str, StageKeys], *, tries: int) -> dict[str, Any]:
    """Returns run configuration that gives this run's orders to its next run, with `tries`. `keys`: of its sources."""
    given: Mapping[str, Any] = {} if is_repeated_by_person(run) else run.run_config
    before: Mapping[str, Any] = given.get("ops", {})
    selected = run.asset_selection or frozenset()
    steps = [op_name(source, stage) for source, own in keys.items() for stage in own.stages(selected)]
    return {"ops": {step: {"config": {**before.get(step, {}).get("config", {}), "tries": tries}} for step in steps}}


def labels_of(run: dg.DagsterRun) -> dict[str, str]:
    """Returns the tags that name the run's work, without those of orders given to another run."""
    anew = is_repeated_by_person(run)
    return {tag.value: run.tags[tag] for tag in Tag if tag in run.tags and not (anew and tag in _ORDERS)}


def asked_by_sensor(run: dg.DagsterRun, source: str) -> bool:
    """Whether a sensor or schedule of rds-lake requested the source's export, not a person or a backfill."""
    return not is_repeated_by_person(run) and given_orders(run, source).trigger not in (None, "by_hand")
