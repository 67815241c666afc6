"""Runs of a warehouse in Dagster: a good one makes its assets, a bad one says why, and neither leaves anything."""

import gzip
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from rds_lake.defs.resources import utc_now
from rds_lake.defs.warehouse.opened import open_works
from rds_lake.defs.warehouse.waiting import wait_for
from rds_lake.model.warehouse.record import Phase
from rds_lake.stages.warehouse.records import cancel_run
from rds_lake.stages.warehouse.turn import take_turn
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.defs.warehouse.mart import Mart
from rds_lake_tests.support.world import World

GOOD = {"version": 1}


def materialized(result: dg.ExecuteInProcessResult) -> list[str]:
    events = result.get_asset_materialization_events()
    return sorted(event.asset_key.path[-1] for event in events if event.asset_key)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    return str(data.description)


def test_a_json_makes_the_assets_and_one_file_and_leaves_nothing(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    request = mart.until_asked()
    result = mart.shell.run(request)
    assert result.success
    assert materialized(result) == ["count", "result", "usage"]
    assert mart.result() == "account,notes\n1,2\n2,1\n"
    assert mart.left() == []
    mart.tick()
    assert mart.open() == (), "what Dagster was asked to report is closed a tick later"


def test_an_error_in_a_step_names_file_statement_and_line_and_publishes_nothing(mart: Mart, tmp_path: Path) -> None:
    (tmp_path / "steps" / "count.sql").write_text("CREATE TABLE totals AS\nSELECT acount FROM usage", encoding="utf-8")
    mart.put("jobs/a.json", GOOD)
    result = mart.shell.run(mart.until_asked())
    said = failure(result)
    assert "step count: statement 1 of 1, line 1 of count.sql" in said
    assert "acount" in said
    assert materialized(result) == ["usage"]
    assert mart.keys("acme-results") == []
    assert mart.left() == []


@pytest.mark.exhaustive
def test_a_value_that_is_too_long_is_an_error_with_file_line_and_column(mart: Mart) -> None:
    mart.put("data/usage.gz", gzip.compress(b"1|one\n2|twotwo\n"))
    mart.put("jobs/a.json", GOOD)
    said = failure(mart.shell.run(mart.until_asked()))
    assert all(word in said for word in ("usage", "usage.gz", "line 2", "note")), said
    assert mart.keys("acme-results") == []
    assert mart.left() == []


def test_over_the_budget_a_run_is_refused_before_anything_is_made(world: World, tmp_path: Path) -> None:
    with quick_instance() as instance:
        mart = Mart.made(world, instance, tmp_path, budget_usd=0.01)
        mart.put("jobs/a.json", GOOD)
        said = failure(mart.shell.run(mart.until_asked()))
        assert "480 RPU seconds, about $0.0500 is over `budget_usd: 0.01`" in said
        assert mart.left() == []


@pytest.mark.exhaustive
def test_materialize_begins_a_run_and_waits_for_it(mart: Mart) -> None:
    keys = [dg.AssetKey(["mart", name]) for name in ("usage", "count", "result")]
    config = {"ops": {"mart__warehouse": {"config": {"parameters": {"least": "2"}}}}}
    result = mart.shell.run(dg.RunRequest(asset_selection=keys, run_config=config))
    assert result.success
    assert mart.result() == "account,notes\n2,1\n"
    assert mart.left() == []
    assert mart.open() == ()


def test_a_cancelled_run_ends_and_leaves_nothing(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    mart.tick()
    (run,) = mart.open()
    cancel_run(mart.world.root.lake, "mart", run, why="not wanted any more")
    said = failure(mart.shell.run(mart.until_asked()))
    assert said == "not wanted any more"
    assert mart.record(run).phase is Phase.ENDED
    assert mart.keys("acme-results") == []
    assert mart.left() == []


@pytest.mark.exhaustive
def test_two_that_take_turns_at_once_do_no_harm(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    (run,) = mart.open()
    gateways = mart.world.gateways
    settings = mart.world.config.warehouse("mart")

    def turns() -> None:
        works = open_works(mart.world.config, settings, gateways.clients(), gateways.lake, clock=utc_now)
        until = time.monotonic() + 300
        while take_turn(works, run).phase is not Phase.ENDED and time.monotonic() < until:
            time.sleep(0.01)

    both = [threading.Thread(target=turns) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    record = mart.record(run)
    assert (record.phase, record.error) == (Phase.ENDED, None)
    assert mart.result() == "account,notes\n1,2\n2,1\n"
    assert mart.left() == []


@pytest.mark.exhaustive
def test_lineage_leads_from_file_to_result(mart: Mart) -> None:
    graph = mart.shell.definitions.resolve_asset_graph()
    needs = {name: graph.get(dg.AssetKey(["mart", name])).parent_keys for name in ("usage", "count", "result")}
    assert needs == {
        "usage": set(),
        "count": {dg.AssetKey(["mart", "usage"])},
        "result": {dg.AssetKey(["mart", "count"])},
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["rds_lake_reaper"])
def test_the_reaper_asks_for_nothing(mart: Mart, name: str) -> None:
    assert mart.shell.tick(name) == []


@pytest.mark.exhaustive
def test_a_wait_that_is_interrupted_cancels_the_run_and_the_sensor_ends_it(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    (run,) = mart.open()
    gateways = mart.world.gateways
    works = open_works(
        mart.world.config, mart.world.config.warehouse("mart"), gateways.clients(), gateways.lake, clock=utc_now
    )

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for(works, run, poll_seconds=1, sleep=interrupt, log=mart.world.lines.append)
    assert mart.record(run).phase is Phase.REMOVING
    assert "was cancelled or failed" in failure(mart.shell.run(mart.until_asked()))
    assert mart.left() == []
