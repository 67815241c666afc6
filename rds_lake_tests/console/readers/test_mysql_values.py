"""What another engine reads by the DDL of `rds-lake ddl` is what Athena's view shows: every type of MySQL and MariaDB, every value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rds_lake_tests.console.readers.reading import copied_out, differing, in_duckdb, in_spark, printed, spark
from rds_lake_tests.stages.types.cases import PublishedTypes
from rds_lake_tests.stages.types.test_mysql import CASES, published, typed, url
from rds_lake_tests.support.spark import leaves_sockets_open, needs_spark
from rds_lake_tests.support.world import World

pytestmark = pytest.mark.exhaustive

__all__ = ["published", "spark", "typed", "url"]

_COLUMNS = ", ".join(f"c{number}" for number in range(len(CASES)))
_KINDS = [case.kind for case in CASES]


def test_duckdb_reads_every_value_of_every_type_as_athena_shows_it(
    typed: World, published: PublishedTypes, tmp_path: Path
) -> None:
    database = in_duckdb(printed(typed, "duckdb"), copied_out(typed, tmp_path))
    rows = database.execute(f"SELECT {_COLUMNS} FROM shop.types ORDER BY n").fetchall()
    assert differing(rows, published.shown, _KINDS) == []
    assert database.execute(f"SELECT {_COLUMNS} FROM shop.nothing").fetchall() == []


@needs_spark
@leaves_sockets_open
def test_spark_reads_every_value_of_every_type_as_athena_shows_it(
    typed: World, published: PublishedTypes, tmp_path: Path, spark: Any
) -> None:
    in_spark(spark, printed(typed, "spark"), copied_out(typed, tmp_path))
    rows = spark.sql(f"SELECT {_COLUMNS} FROM shop.types ORDER BY n").collect()
    assert differing(rows, published.shown, _KINDS) == []
    assert spark.sql(f"SELECT {_COLUMNS} FROM shop.nothing").collect() == []
