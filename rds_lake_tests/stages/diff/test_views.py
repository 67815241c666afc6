"""The views of `diff_views:` show the rows that differ from the date before, of the published date and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.config.shared import Retention
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.seen_views import DiffViewsSeen, see_diff_views
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.diff_views_record import read_diff_views, write_diff_views
from rds_lake.stages.upkeep.retention import Removal, apply_retention, plan_retention
from rds_lake_tests.support.world import World, execute, seed_tiny

D18, D19, D20, D21, D22, D23 = (f"2026-11-{day}" for day in range(18, 24))
_FIRST = """
CREATE TABLE notes (id bigint PRIMARY KEY, body text, price numeric, price_before integer, change text, tags text[], gone text,
    code integer);
INSERT INTO notes SELECT i, 'note ' || i, i + 0.10, i, 'c', ARRAY['a', NULL], 'x', i FROM generate_series(1, 9) i;
CREATE TABLE twice (a integer);
INSERT INTO twice VALUES (1), (1);
"""
_SECOND = """
DELETE FROM notes WHERE id = 1;
UPDATE notes SET price = 2.100 WHERE id = 2;
UPDATE notes SET price = 30, body = NULL WHERE id = 3;
UPDATE notes SET price_before = 0, tags = ARRAY['b'] WHERE id = 4;
UPDATE notes SET price = 'NaN' WHERE id = 5;
INSERT INTO notes VALUES (10, 'new', 1, NULL, NULL, NULL, 'y', 9);
UPDATE orders SET total = 0 WHERE id = 1;
"""
_THIRD = """
DELETE FROM notes WHERE id = 10;
UPDATE notes SET change = 'd' WHERE id = 9;
ALTER TABLE notes DROP gone;
ALTER TABLE notes ADD came text DEFAULT 'z';
ALTER TABLE notes ALTER code TYPE bigint;
"""
_FOURTH = "DROP TABLE notes; DELETE FROM orders WHERE id = 2;"


@pytest.fixture(scope="module")
def story(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    session_cloud.reset()
    seed_tiny(tiny_url)
    world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("diffs"), root=root)
    asked = ("notes", "shop.public.orders", "twice", "ordrs")
    world.with_source(diff_views=asked, keys={"notes": ("id",), "orders": ("id",)})
    yield world


def publish(world: World, day: str, change: str) -> None:
    execute(world.url, change)
    world.snapshot(day)
    world.publish(day)


def seen(world: World) -> DiffViewsSeen:
    return see_diff_views(world.gateways.lake, world.config.sources[0])


def differing(world: World, view: str, before: str, after: str) -> dict[str | None, tuple[str, set[str]]]:
    """What `rds-lake diff` says: by the key, the kind, and of a changed row the columns."""
    asked = Asked(before=date.fromisoformat(before), after=date.fromisoformat(after), most_rows=100)
    found = compare_table(world.gateways.lake, world.config.sources[0], view, asked, known_key=lambda _: ())
    return {r.key["id"]: (r.kind, set(r.after or {}) if r.kind == "changed" else set()) for r in found.rows}


def shown(world: World, view: str, change: str = "change") -> dict[str | None, tuple[str, set[str]]]:
    """The same as the view shows it."""
    sql = f"SELECT CAST(id AS varchar), {change}, array_join(changed_columns, ',') FROM {view}"
    return {key: (str(kind), set((names or "").split(",")) - {""}) for key, kind, names in world.query(sql)}


def dates(world: World, view: str) -> list[tuple[str | None, ...]]:
    return world.query(f"SELECT DISTINCT snapshot_date_before, snapshot_date FROM {view}")


@pytest.mark.exhaustive
def test_the_views_follow_the_published_date_and_are_never_of_others(
    story: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = story
    lake, source = world.gateways.lake, world.config.sources[0]

    publish(world, D18, _FIRST)
    assert (seen(world).before, seen(world).views) == (None, ()), "there is nothing to compare the first date with"
    world.root.athena.run("CREATE VIEW orders_diff AS SELECT 1 AS of_a_person", database="shop")

    publish(world, D19, _SECOND)
    second = differing(world, "notes", D18, D19)
    assert second == {
        "1": ("removed", set()), "3": ("changed", {"price", "body"}), "4": ("changed", {"price_before", "tags"}),
        "5": ("changed", {"price"}), "10": ("added", set()),
    }  # fmt: skip
    assert shown(world, "notes_diff", "lake_change") == second
    values = (
        "SELECT price, lake_price_before, price_before, price_before_before, body, body_before, change, change_before"
    )
    rows = {row[-1]: row[:-1] for row in world.query(f"{values}, id FROM notes_diff")}
    assert rows["1"] == (None, "1.100000000000000000", None, "1", None, "note 1", None, "c")
    assert rows["3"] == ("30.000000000000000000", "3.100000000000000000", "3", "3", None, "note 3", "c", "c")
    assert rows["4"][2:4] == ("0", "4")
    assert rows["10"] == ("1.000000000000000000", None, None, None, "new", None, None, None)
    assert dates(world, "notes_diff") == [(D18, D19)]
    problems = seen(world).problems
    assert [problem.split(":")[0] for problem in problems] == ["ordrs", "twice_diff", "orders_diff"]
    assert "name its columns under `keys:`" in problems[1] and "has this name and was not changed" in problems[2]
    assert world.query("SELECT * FROM orders_diff") == [("1",)], "the person's view stays"

    made, etag = read_diff_views(lake, "shop")
    assert made is not None
    write_diff_views(lake, "shop", replace(made, views={}, making=("notes_diff",)), etag)
    world.publish(D19)
    assert read_diff_views(lake, "shop")[0] == made, "a run that was killed at its views is finished by the next"

    world.root.glue.delete_view("shop", "orders_diff")
    publish(world, D20, _THIRD)
    assert dates(world, "notes_diff") == [(D19, D20)]
    third = differing(world, "notes", D19, D20)
    assert (
        shown(world, "notes_diff", "lake_change") == third == {"10": ("removed", set()), "9": ("changed", {"change"})}
    )
    assert seen(world).views == ("notes_diff", "orders_diff"), "its name is free by now"

    by_hand.roll_back(world.run().shared.publisher(datetime.now(UTC)), date.fromisoformat(D19))
    assert dates(world, "notes_diff") == [(D18, D19)]
    assert shown(world, "notes_diff", "lake_change") == second

    kept = kept_dates(world)
    day = date.fromisoformat(D18)
    assert "`diff_views:` compare the published date with it" in kept[day]
    plan = plan_retention(lake, source, today=date(2026, 11, 22), busy=())
    removal = Removal(snapshot_date=day, manifest=get_manifest(lake.s3, lake.layout, "shop", day))
    removed = apply_retention(lake, replace(plan, removals=(removal,)), busy=lambda: (), log=world.lines.append)
    assert removed.dates == ()
    assert shown(world, "notes_diff", "lake_change") == second, "also a removal that was planned before leaves the date"

    publish(world, D21, _FOURTH)
    assert "notes_diff" not in world.root.glue.list_tables("shop"), "it goes with its table"
    assert dates(world, "orders_diff") == [(D19, D21)], "the date that was rolled back is not compared"
    assert shown(world, "orders_diff") == {"2": ("removed", set())}
    assert date.fromisoformat(D19) in kept_dates(world) and day not in kept_dates(world)

    world.publish(D21)
    assert dates(world, "orders_diff") == [(D19, D21)], "nor is it when the later date is published once more"

    world.snapshot(D22)
    publish(world, D23, "DELETE FROM orders WHERE id = 3")
    assert dates(world, "orders_diff") == [(D21, D23)]
    world.publish(D22)
    assert dates(world, "orders_diff") == [(D22, D23)], "a date that arrives later is the one before by now"

    world.be_the_process(monkeypatch)
    config = ["--config", str(world.config.directory / "lake.yaml")]
    answer = CliRunner().invoke(
        main, ["query", "SELECT * FROM orders_diff", "--source", "shop", "--as-of", D19, *config]
    )
    assert answer.exit_code and "orders_diff" in answer.output, answer.output
    answer = CliRunner().invoke(main, ["status", *config])
    assert "_diff" not in answer.output and D23 in answer.output, answer.output

    world.with_source(diff_views=())
    world.publish(D23)
    assert not [view for view in world.root.glue.list_tables("shop") if view.endswith("_diff")]


def kept_dates(world: World) -> dict[date, str]:
    """What retention of one day keeps, and why."""
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    plan = plan_retention(world.gateways.lake, world.config.sources[0], today=date(2026, 11, 22), busy=())
    return dict(plan.kept)
