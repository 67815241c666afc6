"""The lake in a project of its user's: what is merged, and when assets behind its views are made."""

import importlib
from collections.abc import Iterator, Set
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rds_lake.config.lake_yaml import load_config
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.support.world import World

ORDERS = dg.AssetKey(["shop", "orders"])
MONDAY = date(2026, 11, 9)


@pytest.fixture
def example(root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(root / "examples" / "dagster-project"))
    return importlib.import_module("shop_reports.definitions")


class Automation:
    """Ticks of the project's automation sensor, as Dagster's daemon makes them."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.definitions, self.instance = definitions, instance
        self.cursor: Any = None
        self.tick()

    def publish(self, *days: date, version: str | None = None) -> None:
        """The dates of `shop/orders`, each with a data version: as another export, or as the same one."""
        for day in days:
            tags = {"dagster/data_version": version or f"export-of-{day}"}
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(ORDERS, partition=day.isoformat(), tags=tags)
            )

    def tick(self) -> dict[str, Set[str | None]]:
        """What is asked for: partitions by asset; None where it has no partitions. It counts as made from then on."""
        chosen = dg.AssetSelection.groups("reports")
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, chosen, cursor=self.cursor)
        self.cursor = result.cursor
        wanted: dict[str, Set[str | None]] = {}
        for key in (spec.key for spec in self.definitions.resolve_all_asset_specs() if spec.automation_condition):
            if result.get_num_requested(key):
                wanted[key.path[-1]] = result.get_requested_partitions(key)
        for name, partitions in wanted.items():
            for partition in partitions:
                self.instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=partition))
        return wanted


@pytest.fixture
def automation(example: Any, root: Path, tmp_path: Path) -> Iterator[Automation]:
    config = load_config(root / "examples" / "dagster-project" / "lake.yaml")
    definitions = example.project(config, AwsResource(), example.Notebook(folder=str(tmp_path)))
    with quick_instance() as instance:
        yield Automation(definitions, instance)


def test_the_project_loads_with_the_lakes_sensors_its_own_resources_and_its_own_executor(example: Any) -> None:
    definitions = example.defs()
    repository = definitions.get_repository_def()
    assert {"rds_lake_events", "rds_lake_reconciliation", "reports"} <= {one.name for one in repository.sensor_defs}
    assert {"aws", "gateways", "tick_gateways", "notebook"} <= set(definitions.resources)
    assert definitions.executor is dg.in_process_executor
    assert definitions.resolve_assets_def("orders_now")


class TestWhenAssetsBehindAViewAreMade:
    def test_a_date_is_made_once_it_is_published_whichever_date_it_is(self, automation: Automation) -> None:
        automation.publish(MONDAY)
        assert automation.tick()["orders_of_the_date"] == {"2026-11-09"}
        assert "orders_of_the_date" not in automation.tick()

    def test_a_week_is_made_when_the_last_of_its_dates_is_published(self, automation: Automation) -> None:
        week = [MONDAY + timedelta(days=n) for n in range(7)]
        automation.publish(*week[:6])
        assert "orders_of_the_week" not in automation.tick()
        automation.publish(week[6])
        assert automation.tick()["orders_of_the_week"] == {"2026-11-09"}

    def test_what_reads_the_view_is_made_at_each_publication(self, automation: Automation) -> None:
        for day in (MONDAY, MONDAY + timedelta(days=1), MONDAY):
            automation.publish(day)
            assert automation.tick()["orders_now"] == {None}
            assert "orders_now" not in automation.tick()

    def test_the_same_export_published_again_is_no_change(self, automation: Automation) -> None:
        automation.publish(MONDAY)
        assert "orders_letter" in automation.tick()
        automation.publish(MONDAY)
        assert "orders_letter" not in automation.tick()
        automation.publish(MONDAY, version="another export")
        assert "orders_letter" in automation.tick()


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_snapshot_becomes_a_report_of_its_date_in_one_run(example: Any, world: World, tmp_path: Path) -> None:
    world.with_source(include=("shop.public.orders",), default_schema="shop.public")
    world.provision()
    world.snapshot("2026-11-20", event=False)
    definitions = example.project(world.config, world.aws, example.Notebook(folder=str(tmp_path / "reports")))
    selected = [key for key in definitions.resolve_all_asset_keys() if key.path[0] == "shop"]
    job = definitions.resolve_implicit_global_asset_job_def()
    with quick_instance() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key="2026-11-20",
            asset_selection=[*selected, dg.AssetKey("orders_of_the_date")],
        )
        assert result.success
        assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("orders_now")]).success
    assert (tmp_path / "reports" / "orders-2026-11-20.txt").read_text(encoding="utf-8") == "10\n"
    assert (tmp_path / "reports" / "orders-now.txt").read_text(encoding="utf-8") == "10 2026-11-20\n"


def test_two_lakes_in_one_project_are_refused_by_dagster(root: Path) -> None:
    config = load_config(root / "examples" / "dagster-project" / "lake.yaml")
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"gateways|aws"):
        dg.Definitions.merge(build_definitions(config), build_definitions(config))


@pytest.mark.filterwarnings(
    "ignore:`parse_obj_as` is deprecated", "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"
)
def test_the_project_of_dg_loads_with_the_lake_a_source_and_its_own_asset(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "examples" / "dg-project" / "src"))
    definitions = dg.ComponentTree.for_project(root / "examples" / "dg-project").build_defs()
    keys = {key.to_user_string() for key in definitions.resolve_all_asset_keys()}
    assert keys == {"shop/snapshot_export", "shop/parquet", "shop/catalog", "shop/orders", "report"}
    assert {spec.group_name: list(spec.owners) for spec in definitions.resolve_all_asset_specs()}["shop"] == [
        "team:shop"
    ]
