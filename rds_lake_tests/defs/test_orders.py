"""What sensors ask runs to do is their typed configuration: no tag that a person copies orders anything."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast, get_args

import dagster as dg
import pytest

from rds_lake.config.database import Rds
from rds_lake.config.lake_yaml import load_config
from rds_lake.defs.assets.changes import by_sensor, is_by_sensor
from rds_lake.defs.build import build_definitions
from rds_lake.defs.checks.watch import reports_incident
from rds_lake.defs.keys import StageKeys
from rds_lake.defs.orders import (
    GivenOrders,
    Orders,
    asked_by_sensor,
    given_orders,
    labels_of,
    orders_of,
    repeated_orders,
)
from rds_lake.defs.sensors.healing import Healer
from rds_lake.defs.sensors.requests import run_request
from rds_lake.defs.sensors.run_log import DagsterRunLog, open_run_log
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
        asset_selection=frozenset([dg.AssetKey(["shop", "snapshot_export"])]),
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
    # What Dagster stores is what later ticks read.
    stored = given_orders(dg.DagsterRun(job_name="job", run_config=request.run_config), name)
    assert stored.trigger == (trigger if given else None)
    assert stored.subject == ("s" if given else None)
    assert stored.export_task == (TASK if trigger in ("settle", "convert") else None)
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
KEYS = StageKeys.of(Rds(name="shop", kind="rds", identifier="shop-prod"))


class Context:
    """The part of a step's context that orders are read with."""

    def __init__(self, run: dg.DagsterRun) -> None:
        self.run, self.log = run, logging.getLogger("run")


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
    assert orders_of(cast(Any, Context(again)), GIVEN) == orders
    ordered = orders == GIVEN
    assert asked_by_sensor(again, "shop") is ordered
    assert ("rds_lake/export_task" in labels_of(again)) is ordered
    assert labels_of(again)["rds_lake/source"] == "shop"
    steps = repeated_orders(again, {"shop": KEYS}, tries=2)["ops"]
    given = {"trigger": "settle", "export_task": TASK} if ordered else {}
    assert steps == {"shop__snapshot_export": {"config": given | {"tries": 2}}}, "what its next run is asked to do"


def test_the_next_run_of_any_stages_is_legal_and_knows_how_often_it_was_tried(root: Path) -> None:
    config = load_config(root / "lake.yaml")
    keys = {source.name: StageKeys.of(source) for source in config.sources}
    job = build_definitions(config).resolve_implicit_global_asset_job_def()
    for first in range(4):
        selected = frozenset(keys["shop"].whole[first:])
        before = dg.DagsterRun(job_name="job", asset_selection=selected)
        again = repeated_orders(before, {"shop": keys["shop"]}, tries=3)
        assert dg.validate_run_config(job.get_subset(asset_selection=set(selected)), again)
        assert given_orders(dg.DagsterRun(job_name="job", run_config=again)).tries == 3
        assert len(again["ops"]) == 4 - first


class TestCopiedTags:
    """A person may launch a run with tags of a sensor's run: from a script, or by copying them in the UI."""

    TAGS = {"rds_lake/source": "shop", "rds_lake/export_task": TASK, "rds_lake/subject": "s", "rds_lake/tries": "9"}

    def by_hand(self, shell: Shell, trigger: str) -> dg.DagsterRun:
        shell.world.with_source(athena=False)
        shell.reload()
        shell.world.snapshot("2026-11-20", event=False)
        tags = self.TAGS | {"rds_lake/trigger": trigger}
        result = shell.materialize("2026-11-20", "snapshot_export", "parquet", tags=tags)
        assert result.success
        found = shell.instance.get_run_by_id(result.run_id)
        assert found is not None
        return found

    def log(self, shell: Shell) -> DagsterRunLog:
        gateways = shell.world.aws.gateways(shell.world.config.lake)
        keys = {source.name: StageKeys.of(source) for source in shell.world.config.sources}
        return open_run_log(shell.instance, gateways, shell.world.config, keys, now=datetime.now(UTC))

    @pytest.mark.exhaustive
    def test_no_sensor_takes_the_run_for_one_of_its_own(self, shell: Shell) -> None:
        found, day = self.by_hand(shell, "begin"), date(2026, 11, 20)
        log = self.log(shell)
        assert log.begun("shop", day) == {}
        assert not log.was_settled(TASK)
        assert log.by_hand("shop", day, since=datetime.now(UTC) - timedelta(hours=1))
        assert not asked_by_sensor(found, "shop")
        assert given_orders(found) == GivenOrders()

    @pytest.mark.exhaustive
    def test_its_failure_is_mailed_with_its_date_and_healed_from_the_first_try(self, shell: Shell) -> None:
        found = self.by_hand(shell, "incident")
        assert not reports_incident(found)
        assert not is_by_sensor(found)
        healer = Healer(keys={"shop": KEYS})
        assert healer.end_of(shell.instance, found).tries == 0


def test_a_turn_of_the_sensor_is_told_from_one_by_hand() -> None:
    key = dg.AssetKey(["shop", "changes"])
    assert is_by_sensor(dg.DagsterRun(job_name="j", asset_selection=frozenset([key]), run_config=by_sensor("shop")))
    assert not is_by_sensor(dg.DagsterRun(job_name="j", asset_selection=frozenset([key])))


def test_a_run_that_an_earlier_release_queued_is_found_by_its_tag() -> None:
    """It has no `subject` in its configuration yet."""
    assert given_orders(run()) == GivenOrders(trigger="settle", export_task=TASK)
