"""The journey, made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.permissions.journey import Journey
from rds_lake_tests.permissions.start import started
from rds_lake_tests.support.world import seed_tiny


@pytest.fixture(scope="module")
def journey(session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    seed_tiny(tiny_url)
    session_cloud.reset()
    with started(session_cloud, tiny_url, tmp_path_factory.mktemp("journey")) as made:
        yield made
