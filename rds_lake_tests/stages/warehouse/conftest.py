"""A local cloud with one cluster, beside no lake and beside the tiny database's."""

from collections.abc import Iterator
from datetime import date

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.stages.warehouse.loading.tables import rows_of_lake
from rds_lake_tests.stages.warehouse.running import Running
from rds_lake_tests.support.world import World


@pytest.fixture(scope="module")
def plain_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture
def running(plain_cloud: LocalCloud) -> Running:
    """A cluster, and S3 without a lake."""
    plain_cloud.reset()
    running = Running(cloud=plain_cloud)
    running.prepare()
    return running


@pytest.fixture
def beside_lake(world: World) -> Running:
    """A cluster beside the lake of the tiny database, published at 2026-11-20."""
    return publish_day(world)


def publish_day(world: World, day: str = "2026-11-20") -> Running:
    """Publish the database as it is now, and give the cluster beside it."""
    world.snapshot(day)
    world.run().begin(date.fromisoformat(day))
    world.publish(day)
    running = Running(cloud=world.cloud, rows_of_lake=rows_of_lake(world.root.lake, {"shop": world.config.sources[0]}))
    running.prepare()
    return running
