"""The tables of capture come with every partial export, and an installation that has none of them exports as ever."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_lake.config.database import Rds
from rds_lake.config.lake_yaml import load_config
from rds_lake.config.streams import Streams
from rds_lake.errors import ConfigError
from rds_lake.stages.databases.plan import date_of_ours, export_plan
from rds_lake_tests.support.world import World, execute

DAY = date(2026, 11, 20)
ORDERS = Streams(tables=("shop.public.orders",))
OWN = ["shop.rds_lake.outbox", "shop.rds_lake.position", "shop.rds_lake.capture"]


def source(**keys: Any) -> Rds:
    return Rds.model_validate({"name": "shop", "kind": "rds", "identifier": "shop-prod"} | keys)


@pytest.mark.parametrize(
    ("include", "tables", "items"),
    [
        (["shop.public.orders"], ["shop.public.orders"], OWN),
        (["shop.public.orders", "shop.rds_lake"], ["shop.public.orders"], []),
        (
            ["shop", "crm.public.leads"],
            ["shop.public.orders", "crm.public.leads"],
            [item.replace("shop", "crm") for item in OWN],
        ),
        (["shop.orders"], ["shop.orders", "web.visits"], ["rds_lake.outbox", "rds_lake.position", "rds_lake.capture"]),
        ([], ["shop.public.orders"], []),
    ],
)
def test_export_only_gets_the_tables_of_capture_that_it_does_not_have(
    include: list[str], tables: list[str], items: list[str]
) -> None:
    assert list(source(include=include, streams={"tables": tables}).outbox_items) == items
    assert source(include=include, streams={"tables": tables, "capture": "lambda"}).outbox_items == ()


def test_they_are_tables_that_an_export_is_expected_to_have() -> None:
    named = source(include=["shop.public.orders"], streams={"tables": ["shop.public.orders"]}).included_tables
    assert [str(table) for table in named or ()] == ["shop.public.orders", *OWN]


def test_a_source_without_streams_has_the_export_ids_that_it_always_had(world: World) -> None:
    world.with_source(include=("shop.public.orders",))
    before = export_plan(world.config, world.config.sources[0])  # type: ignore[arg-type]
    assert before.includes == (("shop.public.orders",),)
    world.snapshot("2026-11-20")
    task = world.run().accept(DAY, poll_seconds=0.02).record.export_task
    world.with_source(streams=ORDERS)
    after = export_plan(world.config, world.config.sources[0])  # type: ignore[arg-type]
    (exported,) = world.gateways.rds.list_export_tasks()
    assert date_of_ours(after, exported) == DAY, "switching streams on pays for no date again"
    assert world.run().accept(DAY, poll_seconds=0.02).record.export_task == task


@pytest.mark.exhaustive
def test_a_snapshot_from_before_capture_is_exported_without_it_and_a_later_one_with_it(world: World) -> None:
    world.with_source(include=("shop.public.orders",), streams=ORDERS)
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
    execute(
        world.url,
        "CREATE SCHEMA rds_lake; CREATE TABLE rds_lake.outbox AS SELECT i AS seq FROM generate_series(1, 1000) i; "
        "CREATE TABLE rds_lake.position AS SELECT 7 AS cut; CREATE TABLE rds_lake.capture AS SELECT 'x' AS definition",
    )
    try:
        world.snapshot("2026-11-21")
        world.publish("2026-11-21")
        assert world.query("SELECT count(*) FROM rds_lake_outbox") == [("1000",)]
        execute(world.url, "DELETE FROM rds_lake.outbox")
        world.snapshot("2026-11-22")
        world.publish("2026-11-22")  # max_drop would hold any other table that lost all of its rows
        assert world.query("SELECT count(*), max(snapshot_date) FROM snapshots_rds_lake_position") == [
            ("2", "2026-11-22")
        ]
    finally:
        execute(world.url, "DROP SCHEMA rds_lake CASCADE")


def test_a_union_may_not_gather_the_tables_of_capture(root: Path, tmp_path: Path) -> None:
    body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    shop = body["sources"][0] | {"streams": {"tables": ["rds_lake.public.orders"]}, "union": {"all": "out.*"}}
    (tmp_path / "lake.yaml").write_text(yaml.safe_dump(body | {"sources": [shop]}), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "lake.yaml")
    assert "union: all would gather rds_lake.outbox" in str(caught.value)
    assert "a database of that name cannot be captured" in str(caught.value)
