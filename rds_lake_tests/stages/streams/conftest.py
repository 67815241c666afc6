"""A captured database of each engine, and a lake for its changes."""

from typing import Any

import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.lake import Lake
from rds_lake_tests.stages.streams.forwarder import Forwarder
from rds_lake_tests.stages.streams.outbox_database import Captured


@pytest.fixture(scope="module")
def captured_postgres(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("outbox_source")


@pytest.fixture(scope="module")
def captured_mysql(mariadb: EmbeddedMariaDb) -> str:
    return mariadb.create_database("outbox_source")


@pytest.fixture(params=["postgres", "mysql"])
def captured(request: pytest.FixtureRequest) -> Captured:
    """Each engine in turn, with nothing captured yet."""
    return Captured(request.getfixturevalue(f"captured_{request.param}")).install()


@pytest.fixture
def forwarder(captured: Captured, s3: S3Gateway, layout: LakeLayout) -> Forwarder:
    nothing: Any = None  # no stage of streams asks Glue or Athena
    return Forwarder(captured, Lake(s3=s3, glue=nothing, athena=nothing, layout=layout, kms_key=None))
