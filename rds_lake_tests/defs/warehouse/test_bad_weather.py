"""What AWS, people and files do to a run, on the real stack engine and Redshift's plane: said with what to do, and nothing is left."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.defs.warehouse.begin import begin_by_hand
from rds_lake.defs.warehouse.opened import open_works
from rds_lake.errors import TransientError
from rds_lake.model.warehouse.record import Phase, RunRecord
from rds_lake.stages.warehouse.turn import Works, take_turn
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.defs.warehouse.mart import SETTINGS, Mart
from rds_lake_tests.support.world import World, post

STEPS = {name: f"CREATE TABLE t_{name} AS SELECT account FROM usage" for name in ("a", "b", "d", "e")}
_MOST_TURNS = 400


def works_of(mart: Mart) -> Works:
    """With the local cloud's clock, by which its minutes pass."""
    gateways, settings = mart.world.gateways, mart.world.config.warehouse("mart")
    clock = mart.world.cloud.clock
    return open_works(
        mart.world.config, settings, gateways.clients(), gateways.lake, wait_seconds=1,
        clock=lambda: datetime.fromtimestamp(clock.now() / 1e6, UTC),
    )  # fmt: skip


def wait(mart: Mart, minutes: float) -> None:
    clock = mart.world.cloud.clock
    clock.move(clock.now() + round(timedelta(minutes=minutes) / timedelta(microseconds=1)))


def ended(mart: Mart, *, meanwhile: Callable[[RunRecord], object] = lambda _: None) -> RunRecord:
    """A run, turn after turn; `meanwhile` comes after each."""
    works = works_of(mart)
    begin_by_hand(works, mart.world.config, "run-1", cause="a test", parameters={})
    for _ in range(_MOST_TURNS):
        try:
            record = take_turn(works, "run-1")
        except TransientError:
            continue
        if record.phase is Phase.ENDED:
            return record
        meanwhile(record)
    raise AssertionError(mart.record("run-1"))


def fault(mart: Mart, **faults: Any) -> None:
    assert post(f"{mart.world.cloud.url}/_local/faults", faults)[0] == 200


def step_three_of_five(mart: Mart, folder: Path) -> None:
    (folder / "steps" / "count.sql").unlink()
    for name, sql in STEPS.items():
        (folder / "steps" / f"{name}.sql").write_text(sql, encoding="utf-8")
    broken = "CREATE TABLE totals AS SELECT * FROM usage;\n\nSELECT wrong FROM t_a, t_b"
    (folder / "steps" / "c.sql").write_text(f"-- needs: a, b\n{broken}", encoding="utf-8")


def old_signatures(mart: Mart, folder: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"account": [1], "note": ["one"]}), out)
    mart.put("data/usage.parquet", out.getvalue())
    rule = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-drop/*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": "600000"}},
    }  # fmt: skip
    mart.s3.put_bucket_policy(Bucket="acme-drop", Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]}))


def quota(mart: Mart, folder: Path) -> None:
    said = (
        "Resource handler returned message: Your account has reached its quota of RPUs (ServiceQuotaExceededException)"
    )
    fault(mart, stacks=[{"resource": "Workgroup", "action": "create", "fail": said}])


def not_empty(mart: Mart, folder: Path) -> None:
    mart.s3.put_object(Bucket="acme-results", Key="mart/theirs", Body=b"theirs")


def missing(mart: Mart, folder: Path) -> None:
    mart.s3.delete_object(Bucket="acme-drop", Key="data/usage.gz")


def usage(text: bytes) -> Callable[[Mart, Path], None]:
    return lambda mart, folder: mart.put("data/usage.gz", gzip.compress(text))


PARQUET = {"loads": [SETTINGS["loads"][0] | {"format": "parquet", "files": ["s3://acme-drop/data/usage.parquet"]}]}
SEVERAL = {"unload": [SETTINGS["unload"][0] | {"single_file": False}]}
CASES: dict[str, tuple[Callable[[Mart, Path], None], dict[str, Any], tuple[str, ...]]] = {
    "columns": (usage(b"1|one\n2|two|more\n"), {}, ("load usage", "usage.gz line 2", "Extra column(s) found", "correct the file")),
    "long": (usage(b"1|one\n2|twotwo\n"), {}, ("load usage", "usage.gz line 2, column note", "exceeds DDL length", "correct")),
    "missing": (missing, {}, ("load usage", "s3://acme-drop/data/usage.gz does not exist", "check that it was delivered")),
    "step": (step_three_of_five, {}, ("step c: statement 2 of 2, line 4 of c.sql", "wrong", "its changes were rolled back",
                                      "not started")),
    "signatures": (old_signatures, PARQUET, ("load usage", "acme-drop", "s3:signatureAge must allow 3600000 ms")),
    "quota": (quota, {}, ("Workgroup (AWS::RedshiftServerless::Workgroup", "quota of RPUs",
                          "request a higher quota in Service Quotas")),
    "not empty": (not_empty, SEVERAL, ("unload result", "s3://acme-results/mart/ is not empty: s3://acme-results/mart/theirs",
                                       "unload to a prefix that nothing else uses, or empty this one")),
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named_with_what_to_do_and_nothing_is_published_or_left(
    world: World, tmp_path: Path, case: str
) -> None:
    spoil, changes, said = CASES[case]
    with quick_instance() as instance:
        mart = Mart.made(world, instance, tmp_path, **changes)
        spoil(mart, tmp_path)
        before = mart.keys("acme-results")
        error = ended(mart).error or ""
        assert [word for word in said if word not in error] == [], error
        assert mart.keys("acme-results") == before
        assert mart.left() == []


@pytest.mark.exhaustive
def test_a_stack_that_never_finishes_is_given_up_and_said(mart: Mart) -> None:
    """CloudFormation's time of 60 minutes ends it. Mutation that fails it: CreateStack without TimeoutInMinutes."""
    fault(mart, stacks=[{"resource": "Workgroup", "action": "create", "delay_seconds": 900_000.0}])
    began = mart.world.cloud.clock.now()
    record = ended(mart, meanwhile=lambda _: wait(mart, 5))
    assert "took longer than 60 minutes" in (record.error or ""), record.error
    assert (mart.world.cloud.clock.now() - began) / 60e6 < 120
    assert mart.left() == [] and mart.keys("acme-results") == []


@pytest.mark.exhaustive
def test_over_the_budget_a_run_is_ended_while_it_runs(world: World, tmp_path: Path) -> None:
    """Mutation that fails it: the budget is looked at before the run alone."""
    with quick_instance() as instance:
        mart = Mart.made(world, instance, tmp_path, budget_usd=0.5)
        fault(mart, redshift=[{"delay_seconds": 100_000.0}])

        def later(record: RunRecord) -> None:
            if record.phase is Phase.WORKING:
                wait(mart, 5)

        record = ended(mart, meanwhile=later)
        assert "is over `budget_usd: 0.5` of lake.yaml, so the run was ended" in (record.error or "")
        assert mart.left() == [] and mart.keys("acme-results") == []


@pytest.mark.exhaustive
def test_a_run_that_takes_longer_than_its_hours_is_ended(world: World, tmp_path: Path) -> None:
    with quick_instance() as instance:
        mart = Mart.made(world, instance, tmp_path, most_hours=1)
        fault(mart, redshift=[{"delay_seconds": 100_000.0}])

        def later(record: RunRecord) -> None:
            if record.phase is Phase.WORKING:
                wait(mart, 7)

        record = ended(mart, meanwhile=later)
        assert "longer than `most_hours: 1` of lake.yaml" in (record.error or "")
        assert mart.left() == [] and mart.keys("acme-results") == []
