"""JSON files in S3 become runs, each once, and broken ones stop nothing."""

import json
from datetime import timedelta

import pytest

from rds_lake.defs.warehouse import sensors
from rds_lake.model.warehouse.record import Phase
from rds_lake.stages.warehouse import records
from rds_lake.stages.warehouse.planning import inputs, loads
from rds_lake_tests.defs.warehouse.mart import Mart

GOOD = {"version": 1, "parameters": {"least": "2"}}


@pytest.mark.exhaustive
def test_the_same_object_is_one_run_however_often_it_is_seen(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    (run,) = mart.open()
    mart.shell.cursors.clear()
    mart.put("jobs/a.json", GOOD)  # the same bytes once more: the same ETag
    mart.tick()
    assert mart.open() == (run,)
    assert mart.record(run).cause == "s3://acme-drop/jobs/a.json"
    mart.put("jobs/a.json", GOOD | {"note": "again"})
    mart.tick()
    assert len(mart.open()) == 2


def test_an_event_of_s3_begins_the_run_and_the_same_event_twice_is_one_run(mart: Mart) -> None:
    """S3 -> EventBridge -> the lake's queue -> `rds_lake_events`. Mutation that fails it: no rule for `input:`."""
    mart.tell_of_objects()
    mart.put("jobs/a.json", GOOD)
    mart.put("jobs/wrong.json", {"version": 3})
    mart.put("data/more.json", GOOD)
    mart.shell.tick()
    (run,) = mart.open()
    assert mart.record(run).cause == "s3://acme-drop/jobs/a.json"
    assert mart.errors("wrong.json")["problems"]
    mart.put("jobs/a.json", GOOD)  # S3 tells of it once more; its bytes are the same
    mart.shell.tick()
    mart.tick()
    mart.tick()
    assert mart.open() == (run,)
    mart.shell.tick()
    assert mart.messages() == 0, "whatever came is acknowledged"


@pytest.mark.exhaustive
def test_what_no_event_reported_is_found_by_listing(mart: Mart) -> None:
    mart.put("jobs/a.json", GOOD)
    mart.shell.tick()
    assert mart.open() == ()
    mart.tick()
    assert len(mart.open()) == 1


def test_six_broken_ones_have_their_errors_beside_them_and_never_stop_a_good_one(mart: Mart) -> None:
    broken = {
        "1": b"",
        "2": b"{" * 5000,
        "3": json.dumps({"version": 1, "parameters": {"lest": "2"}}).encode(),
        "4": json.dumps({"version": 1, "tables": [{"table": "usage", "files": ["s3://other-bucket/x"]}]}).encode(),
        "6": json.dumps(
            {
                "version": 1,
                "tables": [
                    {
                        "table": "u",
                        "files": ["S3:x"],
                        "format": "json",
                        "delimiter": "|",
                        "columns": [{"name": "a", "type": "int"}],
                    }
                ],
            }
        ).encode(),
        "5": json.dumps({"version": 1, "tables": [{"table": "orders", "schema": "shop"}], "results": ["x"]}).encode(),
    }
    for name, body in broken.items():
        mart.put(f"jobs/{name}.json", body)
    mart.put("jobs/good.json", GOOD)
    mart.tick()
    assert len(mart.open()) == 1
    said = {name: mart.errors(f"{name}.json")["problems"] for name in broken}
    assert said["1"][0].startswith("$: is not JSON")
    assert (
        said["2"] == ["$: nested too deep to be an input; see `rds-lake warehouse schema`"]
        or "not JSON" in said["2"][0]
    )
    assert said["3"] == ["$.parameters.lest: lake.yaml has no parameter of that name; it has least"]
    assert "is not below a place that lake.yaml names for this warehouse" in said["4"][0]
    assert [problem.partition(":")[0] for problem in said["6"]] == ["$.tables[0].files[0]", "$.tables[0].delimiter"]
    assert [problem.partition(":")[0] for problem in said["5"]] == ["$.tables[0].schema", "$.results[0]"]


@pytest.mark.exhaustive
def test_a_broken_one_is_reported_once_and_a_mended_one_begins(mart: Mart) -> None:
    mart.put("jobs/a.json", {"version": 3})
    mart.tick()
    first = mart.errors("a.json")
    mart.tick()
    assert mart.errors("a.json") == first, "nothing is written again"
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    assert mart.errors("a.json") == mart.errors("a.json") | {"problems": [], "run": mart.open()[0]}


@pytest.mark.exhaustive
def test_what_others_put_in_the_place_of_the_errors_is_left_alone(mart: Mart) -> None:
    mart.put("jobs/a.json.errors.json", b'{"mine": true}')
    mart.put("jobs/a.json", {"version": 3})
    mart.put("jobs/b.json", GOOD)
    mart.tick()
    assert mart.errors("a.json") == {"mine": True}
    assert len(mart.open()) == 1


@pytest.mark.exhaustive
def test_a_run_whose_begin_was_killed_before_its_record_leaves_the_list(mart: Mart) -> None:
    folder = mart.world.root.lake.layout.warehouse_folder("mart")
    mart.s3.put_object(Bucket="acme-lake", Key=f"{folder}open.json", Body=b'{"runs": ["dead"]}')
    mart.put("jobs/a.json", GOOD)
    mart.tick()
    assert "dead" in mart.open(), "it may be written this moment"
    mart.tick()
    assert "dead" not in mart.open()
    (run,) = mart.open()
    assert mart.record(run).phase is not Phase.ENDED


def test_a_tick_without_time_for_all_inputs_goes_on_where_it_ended_and_turns_are_taken(
    mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of JSON files have a run already, and to see each takes a call. Mutations that fail it: the next tick begins again
    with the first file; a file with a run takes no part in the time.
    """
    for name in "abc":
        mart.put(f"jobs/{name}.json", GOOD)
    mart.tick()
    first = mart.open()
    assert len(first) == 3
    mart.shell.cursors.clear()
    for name in "xy":
        mart.put(f"jobs/{name}.json", GOOD)
    monkeypatch.setattr(sensors, "_LOOKING_SECONDS", -1.0)  # one file a tick
    for _ in range(3):
        mart.tick()
    assert mart.open() == first
    assert mart.record(first[0]).waiting or mart.record(first[0]).phase is not Phase.CREATING, "it had its turns"
    for _ in range(2):
        mart.tick()
    assert len(mart.open()) == 5


def test_a_json_of_many_tables_of_many_files_takes_few_calls_of_a_tick(
    mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JSON of 1 MB can name 25,000 files. Mutation that fails it: count the files of each table for itself."""
    columns = [{"name": "a", "type": "int"}]
    tables = [
        {
            "table": f"t{number}",
            "files": [f"{number}-{part}.csv" for part in range(3)],
            "format": "text",
            "columns": columns,
        }
        for number in range(4)
    ]
    mart.put("jobs/many.json", {"version": 1, "tables": tables})
    monkeypatch.setattr(loads, "_LOOKED_FOR", 5)
    mart.tick()
    assert sum("does not exist" in problem for problem in mart.errors("many.json")["problems"]) == 5


def test_more_inputs_than_runs_may_be_open_wait_and_none_is_lost(mart: Mart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation that fails it: the list of open runs forgets its oldest."""
    for module in (sensors, records):
        monkeypatch.setattr(module, "MOST_OPEN", 2)
    mart.tell_of_objects()
    for name in "abcde":
        mart.put(f"jobs/{name}.json", GOOD)
    mart.shell.tick()
    begun = set(mart.open())
    for _ in range(3):
        mart.tick()
        mart.tick()
        assert len(mart.open()) <= 2
        begun |= set(mart.open())
        for run in mart.open():
            records.close_run(mart.world.root.lake, "mart", run)
    assert len(begun) == 5


def test_an_input_that_could_not_be_read_is_read_again_after_a_look_of_several_ticks(
    mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation that fails it: only the last of these ticks decides whether all was read."""
    monkeypatch.setattr(sensors, "_LOOKING_SECONDS", -1.0)
    monkeypatch.setattr(sensors, "_OVERLAP", timedelta(hours=-1))
    for name in "ab":
        mart.put(f"jobs/{name}.json", GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(inputs, "parse_input", lambda _: {}["gone"])
        mart.tick()
    assert mart.open() == ()
    for _ in range(6):
        mart.tick()
    assert len(mart.open()) == 2
