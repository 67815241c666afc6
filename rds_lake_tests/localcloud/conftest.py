"""A local cloud with a cluster, one with DynamoDB only, and a MySQL source, for the modules that ask for them."""

from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.mysql import MySqlDatabase
from rds_lake.localcloud.dynamodb.job import DynamoDbSettings
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.localcloud.dynamodb.exporting import BUCKET, Dynamo
from rds_lake_tests.localcloud.rds.aurora import Aurora
from rds_lake_tests.localcloud.streaming import Streaming
from rds_lake_tests.support.world import execute

_TABLES = """
DROP TABLE IF EXISTS orders, lines;
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2));
CREATE TABLE lines (order_id bigint, text text);
INSERT INTO orders SELECT i, i + 0.25 FROM generate_series(1, 10) i;
INSERT INTO lines SELECT i, 'line ' || i FROM generate_series(1, 20) i;
"""


@pytest.fixture(scope="module")
def aurora_urls(postgres: EmbeddedPostgres) -> dict[str, str]:
    return {name: postgres.create_database(name) for name in ("plain", "cluster_shop", "cluster_stock")}


@pytest.fixture(scope="module")
def aurora_cloud(aurora_urls: dict[str, str]) -> Iterator[LocalCloud]:
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    shop, stock = aurora_urls["cluster_shop"], aurora_urls["cluster_stock"]
    clusters = {"shop-aurora": shop, "two-aurora": [shop, stock]}
    with LocalCloud({"shop-prod": aurora_urls["plain"]}, clusters=clusters, exports=settings) as cloud:
        yield cloud


@pytest.fixture
def aurora(aurora_cloud: LocalCloud, aurora_urls: dict[str, str]) -> Aurora:
    """An instance `shop-prod`, a cluster `shop-aurora`, and one of two databases, `two-aurora`, at their first content."""
    for url in aurora_urls.values():
        execute(url, _TABLES)
    aurora = Aurora(cloud=aurora_cloud, url=aurora_urls["cluster_shop"])
    aurora.prepare()
    return aurora


@pytest.fixture
def quick(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> Aurora:
    """The same, its snapshots without content: quicker where content does not matter."""
    monkeypatch.setattr(aurora.cloud._sources, "freeze", lambda kind, identifier: None)
    return aurora


MYSQL_NAME = 'we`ird %20 "größe"'


@pytest.fixture
def mysql_source(mariadb: EmbeddedMariaDb) -> Iterator[MySqlDatabase]:
    """An empty database under a name that needs quoting everywhere."""
    database = MySqlDatabase(mariadb.create_database(MYSQL_NAME))
    yield database
    database.drop()


@pytest.fixture(scope="module")
def dynamo_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}, dynamodb=DynamoDbSettings(progress_seconds=0.0, finishing_seconds=0.0)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def dynamo_clients() -> dict[tuple[str, str], Any]:
    """boto3's clients, which cost more to make than most tests."""
    return {}


@pytest.fixture
def dynamo(dynamo_cloud: LocalCloud, dynamo_clients: dict[tuple[str, str], Any]) -> Dynamo:
    """DynamoDB without tables, and a bucket to export to."""
    dynamo_cloud.reset()
    dynamo = Dynamo(dynamo_cloud, dynamo_clients)
    dynamo.client("s3").create_bucket(Bucket=BUCKET)
    return dynamo


@pytest.fixture(scope="module")
def streaming_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def streaming_clients() -> dict[str, Any]:
    return {}


@pytest.fixture
def streaming(streaming_cloud: LocalCloud, streaming_clients: dict[str, Any]) -> Streaming:
    """A local cloud without databases, with a bucket and a role that Lambda and Firehose may take."""
    streaming = Streaming(cloud=streaming_cloud, clients=streaming_clients)
    streaming.prepare()
    return streaming
