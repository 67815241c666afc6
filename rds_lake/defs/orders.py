"""What a sensor or schedule asks a run to do, as the typed configuration of its steps.

    run launched by              `trigger`    what its steps do
    a person, a backfill         by_hand      decide by themselves: start or adopt the export, wait for it, go on
    event of a snapshot          begin        start or adopt the export, and end
    event of an export's end     settle       take over the ended export `export_task`
    event of Glue's last run     convert      take over what Glue converted
    reconciliation               any of these, or scan: read DynamoDB's tables

Runs carry the same words as tags, by which they are searched and counted; no step reads those.

A run that a person executes again has the configuration of the run before. The order to take over an export that failed would
fail for ever, while who presses "Re-execute all" wants the date: such a run decides anew, like any run launched by hand, and so
it may pay for the next attempt. Dagster's own retries, of runs whose machine died, stay what the sensor asked for.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from rds_lake.config.source import SourceSettings
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.translate import DagsterTag, Tag
from rds_lake.stages.runs.wanted import WantedRun

_ORDERS = (Tag.TRIGGER, Tag.EXPORT_TASK, Tag.TRIES)


class Orders(dg.Config):
    """What this step is asked to do; without configuration it decides by itself, as "Materialize" wants."""

    trigger: Literal["by_hand", "begin", "settle", "scan", "convert"] = Field(
        default="by_hand", description="Why the run was asked for. Sensors set it; `by_hand` waits for what it needs."
    )
    export_task: str | None = Field(
        default=None, description="The ended export to take over; without it the step starts, adopts or waits for one."
    )


def op_name(source: SourceSettings, stage: Stage) -> str:
    """The name of a stage's step, which run configuration has."""
    return f"{source.name}__{stage}"


def configured(source: SourceSettings, wanted: WantedRun, selected: Collection[dg.AssetKey]) -> dict[str, Any]:
    """Run configuration that gives the wanted run's orders to those of its selected steps that take any."""
    ops: dict[str, Any] = {}
    if stage_key(source, Stage.EXPORT) in selected:
        task = {"export_task": wanted.export_task} if wanted.export_task else {}
        ops[op_name(source, Stage.EXPORT)] = {"config": {"trigger": wanted.trigger} | task}
    if stage_key(source, Stage.PARQUET) in selected:
        ops[op_name(source, Stage.PARQUET)] = {"config": {"trigger": wanted.trigger}}
    return {"ops": ops} if ops else {}


def is_repeated_by_person(run: dg.DagsterRun) -> bool:
    """Whether a person executes an earlier run again."""
    repeated = run.parent_run_id is not None or DagsterTag.PARENT in run.tags
    return repeated and DagsterTag.RETRY not in run.tags


def orders_of(run: dg.DagsterRun, given: Orders) -> Orders:
    """The step's orders; none of those that were given to the run that a person executes again."""
    return Orders() if is_repeated_by_person(run) else given


def repeated_orders(run: dg.DagsterRun) -> dict[str, Any]:
    """Run configuration that gives the orders of this run's steps to the next run."""
    config: Mapping[str, Any] = {} if is_repeated_by_person(run) else run.run_config
    ops: Mapping[str, Any] = config.get("ops", {})
    own = {name: body for name, body in ops.items() if name.endswith((f"__{Stage.EXPORT}", f"__{Stage.PARQUET}"))}
    return {"ops": own} if own else {}


def labels_of(run: dg.DagsterRun) -> dict[str, str]:
    """The tags of the run that name its work, without those of orders that were given to another run."""
    anew = is_repeated_by_person(run)
    return {tag.value: run.tags[tag] for tag in Tag if tag in run.tags and not (anew and tag in _ORDERS)}


def asked_by_sensor(run: dg.DagsterRun) -> bool:
    """Whether a sensor or schedule of rds-lake asked for the run; any other one a person launched, or a backfill."""
    return Tag.TRIGGER in labels_of(run)
