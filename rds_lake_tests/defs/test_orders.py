"""What sensors ask runs to do is their typed configuration: no tag that a person copies orders anything."""

from datetime import date
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest

from rds_lake.config.lake_yaml import load_config
from rds_lake.defs.build import build_definitions
from rds_lake.defs.keys import StageKeys
from rds_lake.defs.orders import Orders, asked_by_sensor, labels_of, orders_of, repeated_orders
from rds_lake.defs.sensors.requests import run_request
from rds_lake.stages.runs.wanted import Trigger, WantedRun
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.defs.test_runs import materialized

TASK = "shop-2026-11-20-1"


def wanted(source: str, trigger: Trigger, *, whole: bool = True) -> WantedRun:
    return WantedRun(
        key="k",
        source=source,
        snapshot_date=date(2026, 11, 20),
        trigger=trigger,
        whole_source=whole,
        subject="s",
        export_task=TASK if trigger in ("settle", "convert") else None,
    )


def run(*, parent: str | None = None, **tags: str) -> dg.DagsterRun:
    """A run that a sensor asked for, or with `parent` its re-execution, which Dagster gives the same tags and configuration."""
    labels = {"rds_lake/source": "shop", "rds_lake/trigger": "settle", "rds_lake/export_task": TASK}
    ops = {"shop__snapshot_export": {"config": {"trigger": "settle", "export_task": TASK}}}
    others = {"shop__watch": {"config": {"what": "export stuck"}}}
    return dg.DagsterRun(
        job_name="job",
        tags=labels | {name.replace("__", "/"): value for name, value in tags.items()},
        run_config={"ops": ops | others},
        parent_run_id=parent,
        root_run_id=parent,
    )


@pytest.mark.parametrize("name", ["shop", "reviews"])
@pytest.mark.parametrize("trigger", get_args(Trigger))
@pytest.mark.parametrize("whole", [True, False])
def test_dagster_accepts_the_configuration_of_every_run_that_is_asked_for(
    root: Path, name: str, trigger: Trigger, whole: bool
) -> None:
    config = load_config(root / "lake.yaml")
    keys = {source.name: StageKeys.of(source) for source in config.sources}
    request = run_request(wanted(name, trigger, whole=whole), config, keys)
    selected = set(request.asset_selection or ())
    job = build_definitions(config).resolve_implicit_global_asset_job_def().get_subset(asset_selection=selected)
    assert dg.validate_run_config(job, dict(request.run_config))
    given: dict[str, Any] = dict(request.run_config).get("ops", {})
    assert {step.partition("__")[2] for step in given} == {
        key.path[-1] for key in selected if key.path[-1] in ("snapshot_export", "parquet")
    }
    assert {body["config"]["trigger"] for body in given.values()} <= {trigger}
    export = given.get(f"{name}__snapshot_export", {"config": {}})["config"]
    assert export.get("export_task") == (TASK if trigger == "settle" else None)


def test_tags_that_a_person_copied_order_nothing(shell: Shell) -> None:
    shell.world.with_source(athena=False)
    shell.reload()
    shell.world.snapshot("2026-11-20", event=False)
    tags = {"rds_lake/trigger": "begin", "rds_lake/export_task": "no-such-task"}
    result = shell.materialize("2026-11-20", "snapshot_export", "parquet", tags=tags)
    assert result.success
    assert materialized(result) == ["parquet", "snapshot_export"], "the export was waited for"


GIVEN = Orders(trigger="settle", export_task=TASK)


@pytest.mark.parametrize(
    ("again", "orders"),
    [
        (run(), GIVEN),
        (run(parent="p"), Orders()),
        (run(dagster__parent_run_id="p"), Orders()),
        (run(parent="p", dagster__retry_number="1"), GIVEN),
    ],
    ids=["asked", "re-executed", "re-executed by the UI", "retried by Dagster"],
)
def test_a_run_that_a_person_executes_again_has_no_orders(again: dg.DagsterRun, orders: Orders) -> None:
    assert orders_of(again, GIVEN) == orders
    ordered = orders == GIVEN
    assert asked_by_sensor(again) is ordered
    assert ("rds_lake/export_task" in labels_of(again)) is ordered
    assert labels_of(again)["rds_lake/source"] == "shop"
    given = {"ops": {"shop__snapshot_export": {"config": {"trigger": "settle", "export_task": TASK}}}}
    assert repeated_orders(again) == (given if ordered else {}), "what the next run of it is asked to do"
