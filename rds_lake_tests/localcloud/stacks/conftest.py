"""One local cloud per module, emptied before each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.localcloud.stacks.deploying import Formation


@pytest.fixture(scope="module")
def formation_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def formation_clients() -> dict[str, Any]:
    return {}


@pytest.fixture
def formation(formation_cloud: LocalCloud, formation_clients: dict[str, Any]) -> Formation:
    formation_cloud.reset()
    return Formation(formation_cloud, formation_clients)
