"""A local cloud whose database, named by the module's `DATABASE`, may call functions: for tests of deployed capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    return postgres.create_database(request.module.DATABASE)


@pytest.fixture(scope="module")
def calling_cloud(database_url: str, request: pytest.FixtureRequest) -> Iterator[tuple[LocalCloud, dict[str, Any]]]:
    """The cloud, and the clients that its tests have made so far."""
    instance = f"{request.module.DATABASE}-prod"
    with LocalCloud({instance: database_url}) as cloud:
        cloud.calling_databases.install(instance)
        yield cloud, {}


@pytest.fixture
def streaming(calling_cloud: tuple[LocalCloud, dict[str, Any]]) -> Streaming:
    """Empty but for the lake's bucket."""
    cloud, clients = calling_cloud
    cloud.reset()
    made = Streaming(cloud=cloud, clients=clients)
    made.client("s3").create_bucket(Bucket=BUCKET)
    return made
