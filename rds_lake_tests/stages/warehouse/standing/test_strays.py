"""A stack that was begun after its lease had ended is found by its tag, and goes; nobody else's does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rds_lake.errors import LeaseLostError
from rds_lake.stages.warehouse.lease import read_lease
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.stack import bring_up
from rds_lake_tests.stages.warehouse.standing.killing import KilledError
from rds_lake_tests.stages.warehouse.standing.test_rights import employ
from rds_lake_tests.stages.warehouse.standing.yard import Yard


@dataclass(slots=True)
class Standing:
    """CloudFormation's client of a process that stands still just before CreateStack, and may be killed just after."""

    client: Any
    meanwhile: Callable[[], object]
    dies: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def create_stack(self, **asked: Any) -> Any:
        self.meanwhile()
        answer = self.client.create_stack(**asked)
        if self.dies:
            raise KilledError
        return answer


def late(yard: Yard, meanwhile: Callable[[], object] = lambda: None, *, dies: bool) -> None:
    """Run-1 begins its stack when its lease has ended and everything that it names is proven gone."""

    def wait() -> None:
        yard.wait(31)
        yard.reaped()
        meanwhile()

    warehouse = yard.warehouse
    bring_up(replace(warehouse, stacks=Standing(warehouse.stacks, wait, dies)), yard.plan("run-1"))


@pytest.mark.parametrize(
    "settings", [{"mode": "cluster"}, {"mode": "serverless", "keep": True}], ids=["cluster", "serverless"]
)
def test_a_process_that_was_killed_there_leaves_a_stack_that_the_reaper_finds(
    yard: Yard, settings: dict[str, Any]
) -> None:
    """Mutation that fails it: the reaper looks for what leases name alone."""
    yard.prepare(**settings)
    with pytest.raises(KilledError):
        late(yard, dies=True)
    yard.settle()
    (stack,) = yard.census()["stacks"]
    assert stack.endswith("CREATE_COMPLETE")
    look = next(reap([yard.warehouse], apply=False))
    assert [thing.state for thing in look.left] == ["CREATE_COMPLETE, belongs to run run-1, but no lease names it"]
    yard.reaped()
    lease = read_lease(yard.warehouse)
    assert yard.census() == {} and lease is not None and lease.state == "free"


@pytest.mark.exhaustive
def test_a_process_that_lives_on_takes_it_back_itself(yard: Yard) -> None:
    with pytest.raises(LeaseLostError, match="the lease of run run-1 ended before its stack"):
        late(yard, dies=False)
    yard.settle()
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_the_run_that_has_the_warehouse_meanwhile_keeps_its_own(yard: Yard) -> None:
    with pytest.raises(KilledError):
        late(yard, lambda: yard.up("run-2"), dies=True)
    yard.settle()
    assert len(yard.census()["stacks"]) == 2
    yard.reaped()
    lease = read_lease(yard.warehouse)
    assert lease is not None and (lease.run, lease.state) == ("run-2", "held")
    assert yard.census()["clusters"] == [lease.names.cluster]
    yard.down("run-2")
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_a_stack_without_any_lease_goes(yard: Yard) -> None:
    yard.up()
    yard.inspector.client("s3").delete_object(Bucket="acme-lake", Key="lake/_warehouses/nightly/lease.json")
    yard.reaped()
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_stacks_of_other_lakes_and_of_nobody_stay(yard: Yard) -> None:
    body = json.dumps({"Resources": {"R": {"Type": "AWS::Redshift::ClusterParameterGroup", "Properties": {
        "Description": "x", "ParameterGroupFamily": "redshift-1.0"}}}})  # fmt: skip
    formation = yard.inspector.client("cloudformation")
    other = [{"Key": "rds-lake:statements", "Value": "rds-lake/ffffffffff/nightly/run-1/"}]
    for name, tags in {
        "rds-lake-nightly-0123456789": other,
        "rds-lake-nightly-aaaaaaaaaa": [],
        "rds-lake-nightly-b": other,
    }.items():
        formation.create_stack(StackName=name, TemplateBody=body, Tags=tags)
    yard.settle()
    before = yard.census()
    yard.reaped()
    assert yard.census() == before and len(before["stacks"]) == 3


@pytest.mark.exhaustive
def test_without_the_right_to_list_stacks_leases_are_reaped_all_the_same_and_it_is_said(yard: Yard) -> None:
    employ(yard, without="FindStacks")
    try:
        yard.up()
        yard.wait(31)
        for _ in range(40):
            (found,) = reap([yard.warehouse], apply=True)
            assert found.error is not None and "cloudformation:ListStacks" in found.error
            if not found.left:
                break
            yard.settle()
    finally:
        yard.clients = None
    assert yard.census() == {"roles": ["pipeline"]}
