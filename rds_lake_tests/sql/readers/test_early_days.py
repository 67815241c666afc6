"""Files of Spark that count early days by the Julian calendar show the days of the database, in DuckDB and in Spark itself."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rds_lake.model.calendars import Calendar
from rds_lake.model.tables.table import Column
from rds_lake.sql.readers.render import render
from rds_lake.sql.readers.tables import ReadColumn, ReadDate, ReadFiles, ReadTable
from rds_lake.sql.view_columns import view_column
from rds_lake_tests.console.readers.reading import in_spark, spark, statements_of
from rds_lake_tests.support.spark import leaves_sockets_open, needs_spark

__all__ = ["spark"]

_SHOWN = [
    "0001-01-02 03:04:05.000000",
    "1000-03-01 12:00:00.000000",
    "1582-10-04 23:59:59.000000",
    "1582-10-15 00:00:00.000000",
    "2026-01-02 03:04:05.678901",
]
_TIMES = [datetime.fromisoformat(shown) for shown in _SHOWN]


def _read(folder: Path, calendar: Calendar) -> ReadDate:
    raw = Column(name="moment", hive_type="timestamp", calendar=calendar)
    files = ReadFiles(
        location=f"s3://acme-lake{folder}/", files=1, types={"moment": "timestamp"}, names={"moment": "moment"}
    )
    table = ReadTable(
        view="early",
        raw="snapshots_early",
        original="shop.early",
        partition_key="snapshot_date",
        columns=(ReadColumn(raw=raw, view=view_column(raw, "moment")),),
        files=(files,),
    )
    day = date(2026, 11, 20)
    return ReadDate(
        database="shop", schema="shop", day=day, region="eu-central-1", folder="s3://acme-lake/", tables=(table,)
    )


def _written(session: Any, folder: Path, mode: str) -> None:
    """A file as Spark writes it, by the one calendar or the other."""
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.parquet.datetimeRebaseModeInWrite", mode)
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    values = ", ".join(f"(TIMESTAMP '{shown}')" for shown in _SHOWN)
    session.sql(f"SELECT * FROM VALUES {values} AS t (moment)").coalesce(1).write.mode("append").parquet(
        f"file://{folder}"
    )


@needs_spark
@leaves_sockets_open
def test_early_days_are_those_of_the_database_in_both_engines(tmp_path: Path, spark: Any) -> None:
    files = tmp_path / "files"
    _written(spark, files, "LEGACY")
    connection = duckdb.connect()
    for statement in statements_of(render("duckdb", _read(files, "julian"))):
        if " SECRET " not in statement:
            connection.execute(statement.replace("s3://acme-lake", ""))
    assert connection.execute("SELECT moment FROM shop.early ORDER BY moment").fetchall() == [
        (time,) for time in _TIMES
    ]
    in_spark(spark, render("spark", _read(files, "julian")), Path("/"))
    assert [row[0] for row in spark.sql("SELECT moment FROM shop.early ORDER BY moment").collect()] == _TIMES


@pytest.mark.exhaustive
@needs_spark
@leaves_sockets_open
def test_spark_reads_early_days_right_where_only_some_files_are_marked(tmp_path: Path, spark: Any) -> None:
    files = tmp_path / "files"
    _written(spark, files, "LEGACY")
    _written(spark, files, "CORRECTED")
    in_spark(spark, render("spark", _read(files, "mixed")), Path("/"))
    found = [row[0] for row in spark.sql("SELECT moment FROM shop.early ORDER BY moment").collect()]
    assert found == sorted([*_TIMES, *_TIMES])
