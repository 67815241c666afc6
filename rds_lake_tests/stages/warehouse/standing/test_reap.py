"""The reaper touches what an expired lease names and nothing else, and its table says what became of each thing."""

from __future__ import annotations

import io
from dataclasses import replace

import click
import pytest
from rich.console import Console

from rds_lake.console.warehouse.reap import Pace, reap_warehouses
from rds_lake.stages.warehouse.lease import read_lease
from rds_lake.stages.warehouse.reap import forgotten, reap
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault, named


def printed(yard: Yard, *, apply: bool, patience: float = 60.0) -> str:
    out = io.StringIO()
    ticks = iter(range(10_000))
    pace = Pace(clock=lambda: float(next(ticks)), sleep=lambda _: yard.settle(), patience=patience)
    reap_warehouses([yard.warehouse], apply=apply, pace=pace, console=Console(file=out, width=300))
    return out.getvalue()


def test_a_look_shows_what_would_go_and_removes_nothing(yard: Yard) -> None:
    target = yard.up()
    yard.wait(31)
    before = yard.census()
    text = printed(yard, apply=False)
    assert str(target.cluster) in text and "nothing was removed" in text
    assert yard.census() == before


def test_the_table_says_what_was_there_and_that_it_is_gone(yard: Yard) -> None:
    target = yard.up()
    fault(yard.cloud, redshift=[{"delay_seconds": 600.0, "times": 1}])
    yard.start("select 1", f"{named(yard.warehouse).statements}step/slow/1/0", target)
    yard.put(f"{named(yard.warehouse).staging}unload/part-000")
    yard.wait(31)
    lines = printed(yard, apply=True).splitlines()
    for kind in ("stack", "cluster", "secret", "role", "parameter group", "statement", "staging"):
        (line,) = [line for line in lines if f" {kind} " in line and "nightly" in line]
        assert line.rstrip(" │").endswith("gone"), line
    assert yard.census() == {}
    assert "there is nothing to remove" in printed(yard, apply=True)


@pytest.mark.exhaustive
def test_what_is_still_there_after_its_patience_is_an_error(yard: Yard) -> None:
    yard.up()
    fault(yard.cloud, stacks=[{"resource": "Cluster", "action": "delete", "fail": "no"}] * 50)
    yard.wait(31)
    with pytest.raises(click.ClickException, match="nightly: not everything is gone yet"):
        printed(yard, apply=True, patience=3.0)


def test_what_no_lease_names_is_left_as_it_is(yard: Yard) -> None:
    """Also what begins like a name of ours, what others keep in S3, and a cluster of another warehouse."""
    redshift, s3 = yard.inspector.client("redshift"), yard.inspector.client("s3")
    given = {"NodeType": "ra3.large", "MasterUsername": "me", "ManageMasterPassword": True}
    for name in ("rds-lake-nightly-0000000000", "rds-lake-nightly"):
        redshift.create_cluster(ClusterIdentifier=name, **given)
        redshift.create_cluster_snapshot(ClusterIdentifier=name, SnapshotIdentifier=f"{name}-kept")
    for key in ("lake/_warehouses/nightly/staging/run-2/x", "lake/reviews/x", "lake/_warehouses/daily/staging/run-1/x"):
        s3.put_object(Bucket="acme-lake", Key=key, Body=b"x")
    before = yard.census()
    yard.up()
    yard.wait(31)
    yard.reaped()
    assert yard.census() == before


@pytest.mark.exhaustive
def test_snapshots_of_the_leases_own_cluster_go_with_it(yard: Yard) -> None:
    target = yard.up()
    yard.inspector.client("redshift").create_cluster_snapshot(
        ClusterIdentifier=target.cluster, SnapshotIdentifier="made-by-a-person"
    )
    yard.down()
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_a_damaged_lease_of_one_warehouse_is_reported_and_the_others_are_reaped(yard: Yard) -> None:
    yard.up()
    yard.wait(31)
    good = yard.warehouse
    yard.settings |= {"name": "weekly"}
    bad = yard.warehouse
    yard.inspector.client("s3").put_object(Bucket="acme-lake", Key="lake/_warehouses/weekly/lease.json", Body=b"{")
    found = list(reap([bad, good], apply=True))
    assert "lease.json is damaged" in str(found[0].error)
    assert found[1].due and found[1].left


@pytest.mark.exhaustive
def test_a_warehouse_that_was_taken_out_of_lake_yaml_is_still_reaped(yard: Yard) -> None:
    yard.up()
    yard.wait(31)
    warehouse = yard.warehouse
    assert [each.name for each in forgotten(warehouse.lake, ["nightly"])] == []
    (settings,) = forgotten(warehouse.lake, ["weekly"])
    warehouses = [replace(warehouse, settings=settings)]
    while next(reap(warehouses, apply=True)).left:
        yard.settle()
    assert yard.census() == {}


@pytest.mark.exhaustive
def test_throttling_of_every_call_only_delays_the_end(yard: Yard) -> None:
    yard.up()
    yard.wait(31)
    for service, operation in (
        ("cloudformation", "DescribeStacks"),
        ("redshift", "DescribeClusters"),
        ("redshift", "DescribeClusterSnapshots"),
        ("secretsmanager", "DescribeSecret"),
        ("iam", "GetRole"),
        ("redshift-data", "ListStatements"),
    ):
        fault(yard.cloud, throttle=[{"service": service, "operation": operation, "calls": 2}])
    yard.reaped()
    lease = read_lease(yard.warehouse)
    assert yard.census() == {} and lease is not None and lease.state == "free"
