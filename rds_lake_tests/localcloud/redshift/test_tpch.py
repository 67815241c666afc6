"""TPC-H's 22 queries: the warehouse answers as PostgreSQL does on the same files, whichever way they came into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.localcloud.redshift.tpch import running
from rds_lake_tests.localcloud.redshift.tpch.queries import QUERIES, TABLES
from rds_lake_tests.localcloud.redshift.warehouse import Warehouse

SCALE = 0.01
pytestmark = pytest.mark.skipif(not running.GENERATOR.exists(), reason="needs tpchgen-cli (pip install -e '.[dev]')")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tpch")
    running.generate(folder, SCALE)
    return folder


@pytest.fixture(scope="module")
def wanted(postgres: EmbeddedPostgres, files: Path) -> dict[int, running.Rows]:
    url = postgres.create_database("tpch")
    running.into_postgres(url, files)
    return running.of_postgres(url)


@pytest.fixture(scope="module")
def loaded(files: Path) -> Iterator[Warehouse]:
    with LocalCloud({}) as cloud:
        warehouse = Warehouse(cloud=cloud)
        warehouse.prepare()
        running.into_s3(warehouse, files)
        yield warehouse


@pytest.mark.exhaustive
@pytest.mark.parametrize("way", running.WAYS)
def test_all_queries_have_postgresqls_answers(loaded: Warehouse, wanted: dict[int, running.Rows], way: str) -> None:
    running.load(loaded, way)
    wrong = {n: found for n in QUERIES if (found := running.differences(n, running.answer(loaded, way, n), wanted[n]))}
    assert wrong == {}


@pytest.mark.exhaustive
def test_two_columns_that_change_places_would_be_seen(loaded: Warehouse, wanted: dict[int, running.Rows]) -> None:
    columns = TABLES["lineitem"]
    names = [part.split(" ", 1)[0] for part in columns.split(", ")]
    names[5], names[6] = names[6], names[5]
    loaded.run("create schema swapped")
    loaded.run(f"create table swapped.lineitem ({columns})")
    place = f"s3://{running.BUCKET}/tbl/lineitem.tbl.gz"
    loaded.run(f"copy swapped.lineitem ({', '.join(names)}) from '{place}' iam_role default gzip")
    assert running.differences(6, running.answer(loaded, "swapped", 6), wanted[6])
