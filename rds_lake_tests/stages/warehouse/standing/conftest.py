"""One local cloud for the tests of a file."""

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake_tests.stages.warehouse.standing.yard import Yard


@pytest.fixture(scope="module")
def yard_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def yard_of_file(yard_cloud: LocalCloud) -> Yard:
    inspector = InProcessClients(yard_cloud.app)
    return Yard(cloud=yard_cloud, inspector=inspector, workers=inspector)


@pytest.fixture
def yard(yard_of_file: Yard) -> Yard:
    """A lake with a warehouse that is a cluster."""
    yard_of_file.prepare()
    return yard_of_file
