"""A warehouse comes up for a run and goes after it, and nothing of it is left."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.errors import LeaseLostError, StackError
from rds_lake.stages.warehouse.lease import keep_alive, read_lease
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault

MODES: list[dict[str, Any]] = [{"mode": "cluster"}, {"mode": "serverless"}]


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_a_warehouse_comes_up_runs_a_statement_and_leaves_nothing(yard: Yard, settings: dict[str, Any]) -> None:
    yard.prepare(**settings)
    target = yard.up()
    assert target.secret and target.role.endswith(target.cluster or target.workgroup or "?")
    lease = read_lease(yard.warehouse)
    assert lease is not None
    yard.start("select 1", f"{lease.names.statements}x", target)
    assert yard.census().keys() > {"stacks", "secrets", "roles"}
    yard.down()
    assert yard.census() == {}
    lease = read_lease(yard.warehouse)
    assert lease is not None and lease.state == "free"


def test_the_second_run_waits_for_the_first_and_is_told_whom(yard: Yard) -> None:
    first = yard.up("run-1")
    second = bring_up(yard.warehouse, yard.plan("run-2"))
    assert isinstance(second, NotYet) and "run run-1 has the warehouse nightly" in second.why
    assert take_down(yard.warehouse, "run-2") == (), "it has nothing to remove"
    yard.down("run-1")
    again = yard.up("run-2")
    assert again.cluster != first.cluster
    yard.down("run-2")
    assert yard.census() == {}


def test_a_failed_creation_says_why_and_is_removed(yard: Yard) -> None:
    fault(yard.cloud, stacks=[{"resource": "Cluster", "action": "create", "fail": "no capacity for ra3.large"}])
    with pytest.raises(StackError, match=r"no capacity for ra3\.large"):
        yard.up()
    yard.down()
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_a_run_whose_lease_was_reaped_is_told_to_end(yard: Yard) -> None:
    yard.up()
    yard.wait(31)
    yard.reaped()
    assert yard.census() == {}
    with pytest.raises(LeaseLostError, match="run run-1 no longer has warehouse nightly"):
        keep_alive(yard.warehouse, "run-1")


@pytest.mark.exhaustive
def test_a_run_that_lives_is_not_reaped(yard: Yard) -> None:
    yard.up()
    for _ in range(3):
        yard.wait(25)
        keep_alive(yard.warehouse, "run-1")
        (found,) = yard.reaped()
        assert not found.due
    assert "clusters" in yard.census()


def test_serverless_is_made_once_and_adopted_by_the_next_run(yard: Yard) -> None:
    yard.prepare(mode="serverless", keep=True, serverless={"usage_limit": {"rpu_hours": 10}})
    first = yard.up("run-1")
    yard.put("lake/_warehouses/nightly/staging/run-1/x")
    yard.down("run-1")
    assert "workgroups" in yard.census() and "objects" not in yard.census()
    yard.wait(60 * 24 * 30)
    assert not yard.reaped()[0].due, "kept for ever"
    assert yard.up("run-2") == first
    (limit,) = yard.inspector.client("redshift-serverless").list_usage_limits()["usageLimits"]
    assert (limit["amount"], limit["breachAction"]) == (10, "deactivate")
    yard.down("run-2")
    assert len(yard.census()["stacks"]) == 1


@pytest.mark.exhaustive
def test_what_is_kept_becomes_what_the_settings_say_now(yard: Yard) -> None:
    yard.prepare(mode="serverless", keep=True)
    target = yard.up("run-1")
    yard.down("run-1")
    yard.settings |= {"serverless": {"base_capacity": 16}}
    assert yard.up("run-2") == target
    (group,) = yard.inspector.client("redshift-serverless").list_workgroups()["workgroups"]
    assert group["baseCapacity"] == 16


@pytest.mark.exhaustive
def test_a_cluster_is_kept_for_its_minutes_and_reaped_then(yard: Yard) -> None:
    yard.prepare(keep=60)
    yard.up()
    yard.down()
    yard.wait(59)
    assert not yard.reaped()[0].due
    assert "clusters" in yard.census()
    yard.wait(2)
    assert yard.reaped()[0].due
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_an_existing_warehouse_is_neither_made_nor_removed(yard: Yard) -> None:
    redshift = yard.inspector.client("redshift")
    redshift.create_cluster(
        ClusterIdentifier="theirs", NodeType="ra3.large", MasterUsername="me", ManageMasterPassword=True
    )
    role = "arn:aws:iam::123456789012:role/theirs"
    yard.settings = {"mode": "existing", "existing": {"cluster": "theirs"}, "role": role}
    before = yard.census()
    target = yard.up()
    assert (target.cluster, target.role) == ("theirs", role)
    yard.put("lake/_warehouses/nightly/staging/run-1/x")
    yard.down()
    assert yard.census() == before
