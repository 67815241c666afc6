"""Tests marked `aws` are run by `pytest -m aws` alone: they need an account, and cost money."""

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.live.place import ENGINES, Place, from_environment, local_place
from rds_lake_tests.localcloud.streaming import Streaming


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "aws" in (config.getoption("markexpr") or ""):
        return
    live = [item for item in items if item.get_closest_marker("aws")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


@pytest.fixture(scope="module")
def local(postgres: EmbeddedPostgres, mariadb: EmbeddedMariaDb) -> Iterator[tuple[Streaming, dict[str, str]]]:
    urls = {"postgres": postgres.create_database("live"), "mysql": mariadb.create_database("live")}
    with LocalCloud({"postgres": urls["postgres"]}, clusters={"mysql": urls["mysql"]}) as cloud:
        for database in urls:
            cloud.calling_databases.install(database)
        streaming = Streaming(cloud=cloud)
        streaming.prepare()
        yield streaming, urls


@pytest.fixture(
    params=[
        *(pytest.param(("local", engine), id=f"local-{engine}") for engine in ENGINES),
        *(pytest.param(("aws", engine), id=f"aws-{engine}", marks=pytest.mark.aws) for engine in ENGINES),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    where, engine = request.param
    if where == "aws":
        with from_environment(engine) as found:
            yield found
        return
    streaming, urls = request.getfixturevalue("local")
    yield local_place(streaming, urls[engine])
