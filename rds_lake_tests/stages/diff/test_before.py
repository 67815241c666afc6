"""Which date counts as the one before, wherever a date is compared: the newest earlier one that no person rolled back from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rds_lake.config.shared import Changes
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.stages.checks.previous import date_before
from rds_lake.stages.diff.of_date import compare_date
from rds_lake.stages.diff.seen_views import see_diff_views
from rds_lake.stages.publish import by_hand
from rds_lake.stages.report.gather import gather
from rds_lake.stages.report.values import KnownFailures
from rds_lake_tests.support.world import World, execute, seed_tiny

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
D18, D19, D20, D21 = (date(2026, 11, day) for day in range(18, 22))


@pytest.fixture(scope="module")
def story(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    session_cloud.reset()
    seed_tiny(tiny_url)
    execute(tiny_url, 'DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE')
    world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("before"), root=root)
    world.with_source(keys={"orders": ("id",)}, check_casts=False)
    yield world


def arrive(world: World, day: date) -> None:
    execute(world.url, f"UPDATE orders SET total = {day.day} WHERE id = {day.day - 17}")
    world.snapshot(str(day))
    world.publish(str(day))


def roll_back(world: World, day: date) -> None:
    by_hand.roll_back(world.run().shared.publisher(NOW), day)


def before(world: World, day: date) -> date | None:
    """The date before `day`, which is published: all who compare with it say the same one."""
    lake, source = world.gateways.lake, world.config.sources[0]
    counted = compare_date(
        lake, source, Changes(), day, known_key=lambda _: (), now=lambda: NOW, log=world.lines.append
    )
    (report,) = gather(
        world.config, world.config.sources, rds=world.gateways.rds, lake=lake, failures=KnownFailures(), now=NOW
    ).sources
    seen = see_diff_views(lake, source)
    said = {
        "checks": date_before(lake, source, day),
        "changes": counted.kept.before if counted.kept else None,
        "report": report.tables.before,
        "report's changed rows": counted.kept.before if counted.kept and report.tables.has_changed_rows else None,
    }
    if source.diff_views:
        assert (seen.snapshot_date, seen.problems) == (day, ())
        shown = world.query("SELECT DISTINCT snapshot_date_before, snapshot_date FROM orders_diff")
        assert shown == [(str(seen.before), str(day))]
        said["diff views"] = seen.before
    assert len(set(said.values())) == 1, said
    return said["checks"]


def states(world: World) -> dict[str | None, str | None]:
    return dict(world.query("SELECT snapshot_date, state FROM _snapshots"))  # type: ignore[arg-type]


@pytest.mark.exhaustive
def test_a_date_that_was_rolled_back_is_before_no_other_until_it_is_published_again(story: World) -> None:
    world = story
    for day in (D18, D19):
        arrive(world, day)
    roll_back(world, D18)
    arrive(world, D20)
    assert before(world, D20) == D18, "readers never went on from the date that was rolled back"

    world.with_source(diff_views=("orders",))
    world.publish(str(D20))
    assert before(world, D20) == D18, "also where the views came after the rollback"

    world.publish(str(D19))
    assert states(world)[str(D19)] == "rolled back"
    assert before(world, D20) == D18, "nor is it when its run is repeated"

    roll_back(world, D19)
    assert before(world, D19) == D18
    arrive(world, D21)
    assert before(world, D21) == D19, "a person published it again, and the later one was rolled back"
    assert {day: state for day, state in states(world).items() if state == "rolled back"} == {str(D20): "rolled back"}


@pytest.mark.exhaustive
def test_counts_of_another_pair_of_dates_are_not_shown_as_of_this_one(story: World) -> None:
    world = story
    roll_back(world, D18)
    world.with_source(diff_views=())
    arrive(world, date(2026, 11, 23))
    lake, source = world.gateways.lake, world.config.sources[0]
    compare_date(
        lake, source, Changes(), date(2026, 11, 23), known_key=lambda _: (), now=lambda: NOW, log=world.lines.append
    )
    arrive(world, date(2026, 11, 22))  # it arrives later, and is the one before by now
    (report,) = gather(
        world.config, world.config.sources, rds=world.gateways.rds, lake=lake, failures=KnownFailures(), now=NOW
    ).sources
    assert report.tables.before == date(2026, 11, 22)
    assert not report.tables.has_changed_rows
