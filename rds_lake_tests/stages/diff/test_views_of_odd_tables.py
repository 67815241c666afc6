"""Views of `diff_views:` over gathered tables, and over tables too wide for one: each is right, or said and left out alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.sql.diff import view
from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.seen_views import see_diff_views
from rds_lake.stages.publish.diff_views_record import read_diff_views, write_diff_views
from rds_lake_tests.support.world import World, execute, seed_tiny

OLD, NEW, LAST = "2026-11-19", "2026-11-20", "2026-11-21"
_LOGS = """
DROP TABLE "Order Details"; DROP SCHEMA sales CASCADE;
CREATE TABLE log_01 (id integer PRIMARY KEY, body text); INSERT INTO log_01 VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE log_02 (id integer PRIMARY KEY, body text); INSERT INTO log_02 VALUES (1, 'uno'), (2, 'due');
"""
_SECOND = """
UPDATE log_01 SET body = 'ONE' WHERE id = 1; DELETE FROM log_01 WHERE id = 3; INSERT INTO log_02 VALUES (3, 'tre');
CREATE TABLE log_03 (id integer PRIMARY KEY, body text); INSERT INTO log_03 VALUES (1, 'un');
UPDATE orders SET total = 0 WHERE id = 1;
"""


def wide(name: str, columns: int) -> str:
    """A table of so many columns with names as long as PostgreSQL has them, and its key."""
    listed = ", ".join(f"{f'column_{at}_'.ljust(63, 'x')} text" for at in range(columns - 1))
    return f"CREATE TABLE {name} (id integer, {listed}); INSERT INTO {name} (id) VALUES (1), (2);"


@pytest.fixture(scope="module")
def story(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    session_cloud.reset()
    seed_tiny(tiny_url)
    execute(tiny_url, _LOGS + wide("broad", 500) + wide("widest", 1600))
    world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("odd"), root=root)
    world.with_source(
        union={"log": r"log_\d\d"},
        diff_views=("broad", "widest", "log", "orders"),
        keys=dict.fromkeys(("broad", "widest", "log", "orders"), ("id",)),
        check_casts=False,
    )
    world.snapshot(OLD)
    world.publish(OLD)
    execute(tiny_url, _SECOND)
    world.snapshot(NEW)
    world.publish(NEW)
    yield world


@pytest.mark.exhaustive
def test_rows_of_gathered_tables_are_told_apart_by_their_table_as_rds_lake_diff_does(story: World) -> None:
    asked = Asked(before=date.fromisoformat(OLD), after=date.fromisoformat(NEW), most_rows=100)
    found = compare_table(story.gateways.lake, story.config.sources[0], "log", asked, known_key=lambda _: ())
    said = {(row.key["snapshot_table"], row.key["id"]): row.kind for row in found.rows}
    assert said == {
        ("log_01", "1"): "changed", ("log_01", "3"): "removed", ("log_02", "3"): "added", ("log_03", "1"): "added",
    }  # fmt: skip
    sql = "SELECT snapshot_table, CAST(id AS varchar), change, body_before, body FROM log_diff"
    rows = {row[:2]: row[2:] for row in story.query(sql)}
    assert {key: row[0] for key, row in rows.items()} == said
    assert rows["log_01", "1"] == ("changed", "one", "ONE")


@pytest.mark.exhaustive
def test_a_table_too_wide_for_such_a_view_is_said_in_a_sentence_and_the_other_views_are_made(story: World) -> None:
    seen = see_diff_views(story.gateways.lake, story.config.sources[0])
    assert (str(seen.snapshot_date), str(seen.before), seen.views) == (NEW, OLD, ("log_diff", "orders_diff"))
    problems = {problem.partition(":")[0]: problem for problem in seen.problems}
    assert problems.keys() == {"broad_diff", "widest"}
    said = r"its statement would have [\d,]+ bytes, and about [\d,]+ characters in Glue; Athena allows 262,144 and Glue 409,600"
    assert re.search(said, problems["broad_diff"]), problems
    assert "`rds-lake diff` compares a table of any width" in problems["broad_diff"]
    assert re.search(r"its view would be about [\d,]+ characters in Glue.*it has no view", problems["widest"]), problems
    assert story.query("SELECT count(*) FROM broad") == [("2",)], "the table itself is published"
    assert story.query("SELECT id, change FROM orders_diff") == [("1", "changed")]


@pytest.mark.exhaustive
def test_a_view_that_athena_refuses_is_said_and_the_others_stay_as_they_are(
    story: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is an estimate: Athena writes a view's text anew before Glue gets it."""
    for limit in ("MAX_STATEMENT_BYTES", "MAX_STORED_CHARACTERS"):
        monkeypatch.setattr(view, limit, 10_000_000)
    story.publish(NEW)
    seen = see_diff_views(story.gateways.lake, story.config.sources[0])
    assert seen.views == ("log_diff", "orders_diff")
    problems = {problem.partition(":")[0]: problem for problem in seen.problems}
    assert problems.keys() == {"broad_diff", "widest"}
    assert "262144" in problems["broad_diff"], problems


@pytest.mark.exhaustive
def test_a_view_that_somebody_changed_is_said_and_is_made_again_by_the_next_publication(story: World) -> None:
    story.root.athena.run('CREATE OR REPLACE VIEW orders_diff AS SELECT 1 AS "the row before"', database="shop")
    problems = see_diff_views(story.gateways.lake, story.config.sources[0]).problems
    assert problems[-1].startswith("orders_diff: another user or program dropped or replaced it")
    story.publish(NEW)
    assert story.query("SELECT id, change FROM orders_diff") == [("1", "changed")]


@pytest.mark.exhaustive
def test_a_view_whose_run_was_killed_goes_also_when_nobody_asks_for_it_any_more(story: World) -> None:
    lake = story.gateways.lake
    made, etag = read_diff_views(lake, "shop")
    assert made is not None
    left = {name: one for name, one in made.views.items() if name != "log_diff"}
    write_diff_views(lake, "shop", replace(made, views=left, making=("log_diff",)), etag)
    story.with_source(diff_views=("orders",))
    story.snapshot(LAST)
    story.publish(LAST)
    assert {name for name in story.root.glue.list_tables("shop") if name.endswith("_diff")} == {"orders_diff"}
