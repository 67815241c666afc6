"""A death before every write of a whole run, of copies and in place, then a repetition: same end, nothing lost or paid twice."""

from collections import Counter
from collections.abc import Collection

import pytest
import yaml

from rds_lake.config.lake_yaml import load_config
from rds_lake_tests.stages.crashes.mortal import deaths
from rds_lake_tests.stages.morning import what_readers_see
from rds_lake_tests.support.world import World, execute

pytestmark = pytest.mark.exhaustive

OLD, NEW = "2026-11-19", "2026-11-20"
# More writes than a run of the tiny database makes; the loop ends at the first run that is not killed.
MOST_WRITES = 80


@pytest.fixture
def in_place(world: World) -> World:
    """The world reads its source in place, from another bucket than its own."""
    place = world.config.directory / "lake.yaml"
    body = yaml.safe_load(place.read_text(encoding="utf-8"))
    source = {key: value for key, value in body["sources"][0].items() if key != "keep_export"}
    body |= {"lake": body["lake"] | {"export_bucket": "acme-exports"}, "sources": [source | {"parquet": "in_place"}]}
    place.write_text(yaml.safe_dump(body), encoding="utf-8")
    return World.of(world.cloud, url=world.url, config=load_config(place))


def survives_every_death(world: World, shown: Collection[tuple[str, str]], *, at_least: int) -> None:
    """Kill the new date's run before each of its writes, and repeat it each time; `shown`: what readers may see of orders."""
    expected, number = None, 0
    before = {task.identifier for task in world.gateways.rds.list_export_tasks()}
    for number, killed in deaths(world, "whole", NEW, most=MOST_WRITES):
        ((day, count),) = world.query("SELECT min(snapshot_date), count(*) FROM orders")
        assert (day, count) in shown, f"killed before write {number}, orders shows {count} rows of {day}"
        if killed:
            world.publish(NEW)
        found = what_readers_see(world)
        expected = expected or found
        assert found == expected, f"a crash before write {number} changed the end"
        assert world.query("SELECT snapshot_date, count(*) FROM orders GROUP BY 1") == [(NEW, "11")]
        tasks = [task for task in world.gateways.rds.list_export_tasks() if task.identifier not in before]
        paid = Counter(task.source_arn for task in tasks)
        assert list(paid.values()) == [1], f"a crash before write {number} was paid for"
    assert number > at_least, "the run makes fewer writes than it has stages"


def test_a_run_killed_before_any_of_its_writes_ends_the_same_when_repeated(world: World) -> None:
    world.snapshot(OLD)
    world.publish(OLD)
    execute(world.url, "INSERT INTO orders VALUES (11, 1)")
    world.snapshot(NEW)
    survives_every_death(world, {(OLD, "10"), (NEW, "11")}, at_least=15)
    assert world.query("SELECT count(*) FROM order_details") == [("20",)]


def test_a_later_export_in_place_killed_before_any_write_replaces_the_first_and_only_that_is_deleted(
    in_place: World,
) -> None:
    in_place.with_source(replace=True, include=("shop.public.orders",))
    for day in (OLD, NEW):
        in_place.snapshot(day)
        in_place.publish(day)
    execute(in_place.url, "INSERT INTO orders VALUES (11, 1)")
    in_place.snapshot(NEW, hour=9)
    survives_every_death(in_place, {(NEW, "10"), (NEW, "11")}, at_least=7)
    folders = {item.key.split("/")[1] for item in in_place.root.s3.list_objects("acme-exports", "exports/")}
    assert len(folders) == 2, "one export of each date"
    dates = in_place.query("SELECT snapshot_date, count(*) FROM snapshots_orders GROUP BY 1 ORDER BY 1")
    assert dates == [(OLD, "10"), (NEW, "11")]
