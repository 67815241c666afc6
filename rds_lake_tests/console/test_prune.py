"""`rds-lake prune` shows before it removes, and Dagster's asset does the same by its schedule."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from rich.console import Console

from rds_lake.aws.rds import RdsGateway
from rds_lake.cli import main
from rds_lake.config.shared import Retention
from rds_lake.console.connect import Connected
from rds_lake.console.prune import prune
from rds_lake.defs.assets.retention import busy_dates, retention_definitions
from rds_lake.defs.build import build_definitions
from rds_lake.errors import ProblemsError
from rds_lake_tests.support.world import World


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pruned_world(world: World) -> World:
    """Two published dates of which one is to be kept, and a folder that nothing names."""
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
        world.publish(day)
    orphan = "lake/shop/shop/public.orders/snapshot_date=2026-11-02/given-up-1/1-part-0.parquet"
    world.root.s3.put_text("acme-lake", orphan, "12345", kms_key=None)
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    return world


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(hours=25)


def shown(world: World, *, apply: bool = False, names: tuple[str, ...] = ("shop",)) -> str:
    text = io.StringIO()
    connected = Connected(
        config=world.config, rds=world.gateways.rds, dynamodb=world.gateways.dynamodb, lake=world.gateways.lake
    )
    prune(connected, names, apply=apply, now=tomorrow(), console=Console(file=text, width=200))
    return text.getvalue()


def test_a_look_names_every_item_with_its_reason_and_removes_nothing(pruned_world: World) -> None:
    before = pruned_world.keys()
    text = shown(pruned_world)
    assert "2026-11-19, 3 tables" in text
    assert "does not keep it" in text
    assert "shop: 1 date stays" in text
    assert "neither manifest nor accepted export" in text
    assert "2 items" in text
    assert "--apply" in text
    assert pruned_world.keys() == before


def test_apply_removes_what_the_look_showed(pruned_world: World) -> None:
    text = shown(pruned_world, apply=True)
    assert "shop 2026-11-19 is removed" in text
    assert "2/2" in text
    assert pruned_world.query("SELECT DISTINCT snapshot_date FROM snapshots_orders") == [("2026-11-20",)]
    assert "nothing to remove" in shown(pruned_world)


@pytest.mark.exhaustive
def test_the_command_leaves_what_is_younger_than_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    config = str(world.config.directory / "lake.yaml")
    result = CliRunner().invoke(main, ["prune", "shop", "--apply", "--config", config])
    assert result.exit_code == 0, result.output
    assert "nothing to remove" in result.output
    unknown = CliRunner().invoke(main, ["prune", "shoe", "--config", config])
    assert "no source is named 'shoe'" in unknown.output


@pytest.mark.exhaustive
def test_the_retention_asset_removes_the_same_and_says_how_much(
    pruned_world: World, instance: dg.DagsterInstance
) -> None:
    (asset,) = retention_definitions(pruned_world.config, now=tomorrow).assets
    result = dg.materialize([asset], instance=instance, resources={"gateways": pruned_world.gateways})
    (event,) = result.asset_materializations_for_node(asset.node_def.name)
    assert event.metadata["rds_lake/dates_removed"].value == ["2026-11-19"]
    assert event.metadata["rds_lake/orphans_removed"].value == 1
    assert event.metadata["rds_lake/bytes_removed"].value
    assert pruned_world.query("SELECT DISTINCT snapshot_date FROM snapshots_orders") == [("2026-11-20",)]


@pytest.mark.exhaustive
def test_sources_of_the_same_hour_are_one_run_that_lists_the_accounts_exports_once(
    world: World, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS keeps ended tasks for ever: a list per source and night grows without end."""
    (shop,) = world.config.sources
    sources = [
        shop.model_copy(update={"name": name, "retention": Retention(schedule=cron)})
        for name, cron in (("a", "20 6 * * *"), ("b", "0 7 * * 1"), ("c", "20 6 * * *"))
    ]
    world.config = world.config.model_copy(update={"sources": tuple(sources)})
    world.provision()
    definitions = build_definitions(world.config, resources={"aws": world.aws})
    assert [schedule.name for schedule in definitions.schedules or ()] == ["a__retention", "b__retention"]
    assert definitions.resolve_schedule_def("a__retention").cron_schedule == "20 6 * * *"
    listed: list[str | None] = []
    real = RdsGateway.list_export_tasks

    def count(self: RdsGateway, *, source_arn: str | None = None) -> Any:
        listed.append(source_arn)
        return real(self, source_arn=source_arn)

    monkeypatch.setattr(RdsGateway, "list_export_tasks", count)
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey([name, "retention"]) for name in ("a", "b", "c")]
    for runs in (1, 2):
        assert job.execute_in_process(instance=instance, asset_selection=keys).success
        assert listed == [None] * runs, "and every run looks anew"


@pytest.mark.exhaustive
def test_a_date_of_an_unfinished_run_is_left_alone(pruned_world: World, instance: dg.DagsterInstance) -> None:
    definitions = build_definitions(pruned_world.config)
    job = definitions.resolve_implicit_global_asset_job_def()
    tags = {"dagster/partition": "2026-11-19"}
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    ranged = {"dagster/asset_partition_range_start": "2026-10-01", "dagster/asset_partition_range_end": "2026-10-02"}
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=ranged)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/partition": "2026-01-01"})
    assert busy_dates(instance, "shop") == {date(2026, 11, 19), date(2026, 10, 1), date(2026, 10, 2)}
    (asset,) = retention_definitions(pruned_world.config, now=tomorrow).assets
    assert dg.materialize([asset], instance=instance, resources={"gateways": pruned_world.gateways}).success
    assert pruned_world.query("SELECT count(*) FROM snapshots_orders") == [("20",)]


@pytest.mark.exhaustive
def test_only_a_source_with_retention_has_the_asset_and_its_schedule(world: World) -> None:
    assert retention_definitions(world.config).assets == []
    world.with_source(retention=Retention(schedule="0 7 * * 1"))
    definitions = build_definitions(world.config)
    assert definitions.resolve_schedule_def("shop__retention").cron_schedule == "0 7 * * 1"
    assert dg.AssetKey(["shop", "retention"]) in set(definitions.resolve_all_asset_keys())


def test_a_source_whose_dates_cannot_be_removed_stops_no_other_and_is_said_at_the_end(pruned_world: World) -> None:
    (shop,) = pruned_world.config.sources
    names = ("damaged", "unread")
    broken = [shop.model_copy(update={"name": name, "identifier": f"{name}-prod"}) for name in names]
    pruned_world.config = pruned_world.config.model_copy(update={"sources": (*broken, shop)})
    for key in ("damaged/2026-11-18.json", "damaged/2026-11-19.json", "unread/_published.json"):
        pruned_world.root.s3.put_text("acme-lake", f"lake/_manifests/{key}", "{", kms_key=None)
    with pytest.raises(ProblemsError, match="2 sources have errors:") as caught:
        shown(pruned_world, apply=True, names=())
    assert "unread/_published.json is damaged" in str(caught.value)
    assert "damaged/2026-11-18.json is damaged" in str(caught.value)
    assert not [key for key in pruned_world.keys("lake/shop/") if "2026-11-19" in key or "given-up" in key]
