"""A turn or a reaper that stood still while another process went on: it sees so, and what it began meanwhile goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from rds_lake.model.warehouse.record import Phase, PieceKind, PieceState, RunRecord
from rds_lake.stages.warehouse import reap as reap_module
from rds_lake.stages.warehouse.lease import keep_alive, read_lease
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.records import cancel_run
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake.stages.warehouse.turn import Works, take_turn
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault, named
from rds_lake_tests.turnstile.warehouse.lab import FIRST, WarehouseLab, works_of


@pytest.fixture
def lab(warehouse_lab: WarehouseLab) -> WarehouseLab:
    """A cluster that somebody else made, and a run of which statements can be sent."""
    warehouse_lab.begin("standing")
    warehouse_lab.begin_run(FIRST)
    assert take_turn(works_of(warehouse_lab.yard), FIRST).phase is Phase.WORKING
    return warehouse_lab


@pytest.fixture
def yard(warehouse_lab: WarehouseLab) -> Yard:
    """A lake with a warehouse that is a cluster."""
    warehouse_lab.yard.prepare()
    return warehouse_lab.yard


def before_work(lab: WarehouseLab, meanwhile: Callable[[], object]) -> Works:
    """A turn that has read its record, and stands still for so long."""
    works = works_of(lab.yard)

    def context(record: RunRecord) -> RunContext:
        meanwhile()
        return works.context(record)

    return replace(works, context=context)


def cancelled(lab: WarehouseLab) -> Callable[[], object]:
    def end() -> None:
        cancel_run(lab.yard.warehouse.lake, "nightly", FIRST, why="not wanted")
        lab.finish(FIRST)

    return end


def test_a_turn_whose_run_was_cancelled_meanwhile_ends_the_statement_that_it_sent(lab: WarehouseLab) -> None:
    fault(lab.yard.cloud, redshift=[{"delay_seconds": 600.0, "times": 1}])
    record = take_turn(before_work(lab, cancelled(lab)), FIRST)
    assert (record.phase, record.error) == (Phase.ENDED, "not wanted")
    assert lab.left() == []


def test_a_turn_whose_run_was_cancelled_meanwhile_removes_what_it_wrote(lab: WarehouseLab) -> None:
    works = works_of(lab.yard)
    record = take_turn(works, FIRST)
    while not any(p.kind is PieceKind.UNLOAD and p.state is PieceState.RUNNING and p.at for p in record.pieces):
        lab.turnstile.until_statements_ended()
        record = take_turn(works, FIRST)
    staging = works.context(record).staging

    def meanwhile() -> None:
        cancelled(lab)()
        lab.yard.put(f"{staging}unload/part-000")  # a statement that was under way ends so late

    take_turn(before_work(lab, meanwhile), FIRST)
    assert lab.left() == []


@pytest.mark.exhaustive
def test_a_warehouse_that_is_taken_for_a_run_which_has_ended_goes_at_once(lab: WarehouseLab) -> None:
    lab.begin("fresh")
    lab.begin_run(FIRST)
    works, once = works_of(lab.yard), [cancelled(lab)]

    def clock() -> datetime:
        if once:
            once.pop()()
        return lab.yard.now()

    record = take_turn(replace(works, clock=clock), FIRST)
    lease = read_lease(lab.yard.warehouse)
    assert record.phase is Phase.ENDED and lease is not None and lease.state == "removing"
    lab.yard.settle()
    lab.yard.reaped()
    assert lab.left() == []


def test_a_turn_whose_warehouse_was_reaped_meanwhile_says_that_and_not_what_it_misses(lab: WarehouseLab) -> None:
    works = works_of(lab.yard)
    record = take_turn(works, FIRST)
    while not any(p.kind is PieceKind.UNLOAD and p.state is PieceState.RUNNING and p.at for p in record.pieces):
        lab.turnstile.until_statements_ended()
        record = take_turn(works, FIRST)
    lab.turnstile.until_statements_ended()
    record = take_turn(before_work(lab, lab.reaped), FIRST)
    assert record.error is not None and record.error.startswith("run run-1 no longer has warehouse nightly")


def test_the_reaper_finds_what_a_late_turn_left_that_was_killed(lab: WarehouseLab) -> None:
    record = lab.finish(FIRST)
    context, target = works_of(lab.yard).context(record), record.target
    assert target is not None
    fault(lab.yard.cloud, redshift=[{"delay_seconds": 600.0, "times": 1}])
    context.data.begin(target, ["select 1"], name=f"{context.statements}step/late/1/0")
    lab.yard.put(f"{context.staging}unload/part-000")
    (found,) = reap([lab.yard.warehouse], apply=False)
    assert {thing.kind for thing in found.left} == {"statement", "staging"} and not found.due
    lab.yard.reaped()
    assert lab.left() == [] and lab.touched() == []


def test_a_run_that_extends_its_lease_while_the_reaper_looks_keeps_what_it_has(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.prepare(keep=True)
    target, stays = yard.up(), reap_module.stays
    names = named(yard.warehouse)
    fault(yard.cloud, redshift=[{"delay_seconds": 600.0, "times": 1}])
    yard.start("select 1", f"{names.statements}step/slow/1/0", target)
    yard.put(f"{names.staging}unload/part-000")
    yard.wait(31)

    def slowly(*args: Any) -> bool:
        keep_alive(yard.warehouse, "run-1")
        return stays(*args)

    monkeypatch.setattr(reap_module, "stays", slowly)
    list(reap([yard.warehouse], apply=True))
    census = yard._count()
    assert "statements" in census and "objects" in census
    lease = read_lease(yard.warehouse)
    assert lease is not None and (lease.state, lease.run) == ("held", "run-1")


@pytest.mark.exhaustive
def test_of_two_turns_that_change_what_is_kept_one_waits_for_the_other(yard: Yard) -> None:
    yard.prepare(mode="serverless", keep=True)
    target = yard.up("run-1")
    yard.down("run-1")
    yard.settings |= {"serverless": {"base_capacity": 16}}
    fault(yard.cloud, stacks=[{"resource": "Workgroup", "action": "update", "delay_seconds": 1.0}])
    warehouse, others = yard.warehouse, [yard.warehouse]

    def slowly(names: Any) -> str:
        if others:
            assert isinstance(bring_up(others.pop(), yard.plan("run-2")), NotYet)
        return warehouse.template(names)

    found = bring_up(replace(warehouse, template=slowly), yard.plan("run-2"))
    assert isinstance(found, NotYet) and "another operation on stack" in found.why
    yard.settle()
    assert yard.up("run-2") == target


@pytest.mark.exhaustive
def test_two_turns_that_resume_one_cluster_are_no_error(yard: Yard) -> None:
    target = yard.up()
    assert target.cluster is not None
    yard.inspector.client("redshift").pause_cluster(ClusterIdentifier=target.cluster)
    yard.warehouse.redshift.resume(target.cluster)
    yard.warehouse.redshift.resume(target.cluster)
    assert yard.up() == target
