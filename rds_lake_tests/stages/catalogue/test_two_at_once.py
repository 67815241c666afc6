"""Two runs that catalogue two exports of one date at once: both end at the partitions of the better export."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.snapshot_log import recorded_dates
from rds_lake.stages.source import stages
from rds_lake_tests.support.world import World, execute

DAY = date(2026, 11, 20)


@pytest.mark.exhaustive
def test_partitions_that_were_moved_back_to_an_earlier_export_meanwhile_are_moved_to_the_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_source(replace=True)
    world.snapshot("2026-11-20", hour=3)
    slow = world.run()
    slow.accept(DAY, poll_seconds=0.05)
    slow.relocate(DAY)
    execute(world.url, "DELETE FROM orders WHERE id > 7")
    world.snapshot("2026-11-20", hour=22)

    def overtake() -> None:
        fast = world.run()
        fast.accept(DAY, poll_seconds=0.05)
        fast.relocate(DAY)
        assert all(table.rows_match for table in fast.shared.catalogue(DAY).quality)

    met: list[str] = []

    def dates_that_were_checked(*where: Any) -> set[date]:
        """The slow run has read the earlier manifest and seen that it counts; now it is about to write its partitions."""
        if not met:
            met.append("the slow run")
            overtake()
        return recorded_dates(*where)

    monkeypatch.setattr(stages, "recorded_dates", dates_that_were_checked)
    done = slow.shared.catalogue(DAY)
    assert met
    manifest = get_manifest(world.gateways.s3, world.gateways.layout, "shop", DAY)
    assert {sync.named.manifest.location for sync in done.synced} == {table.location for table in manifest.tables}
    (partition,) = world.gateways.glue.find_partitions("shop", "snapshots_orders")
    assert manifest.export.export_task in partition.location
    world.run().shared.publish(DAY, now=datetime(2026, 11, 21, tzinfo=UTC))
    assert world.query("SELECT count(*) FROM orders") == [("7",)]
