"""One list of the account's snapshots serves all sources, and gives each what it would have listed by itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import AwsError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.stages.databases.account_snapshots import AccountSnapshots
from rds_lake_tests.support.world import World

KINDS = ("automated", "manual", "awsbackup")


@contextmanager
def counted(world: World) -> Iterator[Counter[str]]:
    """Calls of RDS by operation."""
    client, calls = world.clients.client("rds"), Counter[str]()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    client.meta.events.register("before-call.rds", count)
    try:
        yield calls
    finally:
        client.meta.events.unregister("before-call.rds", count)


def of_account(world: World, sources: int) -> AccountSnapshots:
    rds = RdsGateway(world.clients.client("rds"))
    counts = {Exportable.SNAPSHOT: sources, Exportable.CLUSTER_SNAPSHOT: sources}
    return AccountSnapshots(rds=rds, sources=counts)


def by_arn(found: list[Snapshot]) -> list[Snapshot]:
    return sorted(found, key=lambda snapshot: snapshot.arn)


def test_two_hundred_sources_cost_one_list_and_each_gets_the_same_as_by_itself(world: World) -> None:
    for day in range(18, 22):
        world.snapshot(f"2026-11-{day}")
    world.snapshot("2026-11-21", kind="manual", hour=5)
    world.snapshot("2026-11-21", kind="awsbackup", hour=6)
    alone = RdsGateway(world.clients.client("rds"))
    expected = {
        kinds: by_arn(alone.list_snapshots(Exportable.SNAPSHOT, "shop-prod", kinds)) for kinds in (KINDS, KINDS[:1])
    }
    listed = of_account(world, 200)
    with counted(world) as calls:
        for kinds, own in expected.items():
            assert by_arn(listed.list_snapshots(Exportable.SNAPSHOT, "Shop-Prod", kinds)) == own
        for number in range(200):
            assert listed.list_snapshots(Exportable.SNAPSHOT, f"shop-prod-{number}", ("automated",)) == []
    assert calls == {"DescribeDBSnapshots": len(KINDS)}


def test_clusters_have_a_list_of_their_own(world: World) -> None:
    world.of_cluster()
    world.snapshot("2026-11-21")
    listed = of_account(world, 50).list_snapshots(Exportable.CLUSTER_SNAPSHOT, "shop-aurora", KINDS)
    alone = RdsGateway(world.clients.client("rds"))
    assert by_arn(listed) == by_arn(alone.list_snapshots(Exportable.CLUSTER_SNAPSHOT, "shop-aurora", KINDS))
    assert len(listed) == 1


def test_an_account_full_of_other_databases_is_not_listed_to_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the list would take more pages than there are sources, each source asks for its own."""
    world.snapshot("2026-11-21")
    monkeypatch.setattr("rds_lake.localcloud.rds.moto_snapshots.page_of", lambda items, params: (items, "and so on"))
    monkeypatch.setattr(RdsGateway, "list_snapshots", lambda *_: ["asked by itself"])
    listed = of_account(world, 5)
    with counted(world) as calls:
        found = [listed.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ("automated",)) for _ in range(5)]
    assert found == [["asked by itself"]] * 5
    assert calls["DescribeDBSnapshots"] <= 6


def test_who_may_list_only_his_own_snapshots_still_gets_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AwsError(service="rds", operation="DescribeDBSnapshots", code="AccessDenied", message="not authorized")

    world.snapshot("2026-11-21")
    monkeypatch.setattr(RdsGateway, "list_account_snapshots", refuse)
    assert len(of_account(world, 9).list_snapshots(Exportable.SNAPSHOT, "shop-prod", ("automated",))) == 1


def test_a_list_that_takes_too_much_of_a_tick_is_given_up_and_not_tried_again_by_the_next(world: World) -> None:
    """800 databases with 35 snapshots each are 280 pages. Mutations that fail it: count pages alone; forget what was given up."""
    world.snapshot("2026-11-20")
    alone = RdsGateway(world.clients.client("rds"))
    expected = by_arn(alone.list_snapshots(Exportable.SNAPSHOT, "shop-prod", KINDS[:1]))
    given_up = set[tuple[Exportable, str]]()
    for calls_of_tick in (2, 1):
        seconds = iter(range(0, 1000, 10))
        listed = AccountSnapshots(
            rds=alone,
            sources={Exportable.SNAPSHOT: 200},
            clock=lambda seconds=seconds: next(seconds),
            given_up=given_up,
        )
        with counted(world) as calls:
            assert by_arn(listed.list_snapshots(Exportable.SNAPSHOT, "shop-prod", KINDS[:1])) == expected
        assert calls == {"DescribeDBSnapshots": calls_of_tick}
