"""A local cloud without databases, emptied for each test."""

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.dynamodb.job import DynamoDbSettings
from rds_lake_tests.localcloud.permissions.calling import Calling


@pytest.fixture(scope="module")
def policed() -> Iterator[LocalCloud]:
    with LocalCloud({}, dynamodb=DynamoDbSettings(progress_seconds=0.0, finishing_seconds=0.0)) as cloud:
        yield cloud


@pytest.fixture
def calling(policed: LocalCloud) -> Calling:
    policed.reset()
    return Calling(cloud=policed, made={})
