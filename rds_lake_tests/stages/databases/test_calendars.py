"""Early days as Spark writes them: what the database had is what a reader sees, or it is NULL and counted.

`legacy-datetime.gz.parquet` of the reports, made anew here: 0001-01-01 and noon of 1500-03-01 by the Julian calendar.
"""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.calendars import Calendar
from rds_lake.model.tables.table import Column
from rds_lake.sql.view_columns import view_column
from rds_lake.stages.databases.footers import Footer, parse_footer
from rds_lake_tests.sql.test_view_columns import asked, shown
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud

DAY = "2026-11-20"
LEGACY = {"org.apache.spark.version": "3.1.2", "org.apache.spark.legacyDateTime": ""}
MICROS = pa.timestamp("us", tz="UTC")
# As Spark stores them: the instants at which the Julian calendar showed these days.
YEAR_ONE, LEAP_CENTURY, MODERN = -62135769600000000, -14825764800000000, 1709200800000000


def spark_file(columns: dict[str, pa.Array], marks: dict[str, str], **options: Any) -> bytes:
    """A file as Spark writes it, the marks in its footer."""
    table, sink = pa.table(columns), io.BytesIO()
    with pq.ParquetWriter(
        sink, table.schema, compression="gzip", version="1.0", store_schema=False, **options
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(marks)
    return sink.getvalue()


def micros(*values: int | None) -> pa.Array:
    return pa.array(values, pa.int64()).cast(MICROS)


def footer(values: pa.Array, marks: dict[str, str], **options: Any) -> Footer:
    return parse_footer(spark_file({"at": values}, marks, **options), "s3://b/file")


@pytest.mark.parametrize(
    ("marks", "calendar"),
    [
        (LEGACY, "julian"),
        ({"org.apache.spark.legacyDateTime": "true"}, "julian"),
        ({"org.apache.spark.version": "2.4.8"}, "julian"),
        ({"org.apache.spark.version": "3.5.1"}, "gregorian"),
        ({"org.apache.spark.version": "10.0.0"}, "gregorian"),
        ({"org.apache.spark.version": "3.1.2", "org.apache.spark.legacyINT96": ""}, "gregorian"),
        ({"org.apache.spark.version": "unknown"}, "gregorian"),
        ({}, "gregorian"),
    ],
)
def test_a_file_counts_early_days_as_its_marks_say(marks: dict[str, str], calendar: Calendar) -> None:
    assert footer(micros(YEAR_ONE, MODERN), marks).early == (("at", calendar),)


def test_a_file_without_early_days_needs_no_calendar() -> None:
    assert footer(micros(MODERN, None), LEGACY).early == ()
    assert footer(micros(None, None), LEGACY).early == ()
    assert footer(pa.array([date(1582, 10, 15)]), LEGACY).early == ()
    assert footer(pa.array([datetime(1582, 10, 15)], pa.timestamp("ms")), LEGACY).early == ()  # noqa: DTZ001
    assert footer(pa.array([], MICROS), LEGACY).early == ()


def test_a_file_that_does_not_say_what_it_holds_is_taken_for_one_with_early_days() -> None:
    assert footer(micros(MODERN), LEGACY, write_statistics=False).early == (("at", "julian"),)
    int96 = {"use_deprecated_int96_timestamps": True}
    assert footer(micros(MODERN), LEGACY, **int96).early == (("at", "gregorian"),)
    assert footer(micros(MODERN), {"org.apache.spark.legacyINT96": ""}, **int96).early == (("at", "julian"),)
    assert footer(micros(MODERN), {"org.apache.spark.version": "3.0.3"}, **int96).early == (("at", "julian"),)


def test_one_early_day_in_any_part_of_a_file_is_found() -> None:
    assert footer(
        micros(MODERN, MODERN, LEAP_CENTURY),
        LEGACY,
    ).early == (("at", "julian"),)
    sink, schema = io.BytesIO(), pa.schema({"at": MICROS})
    with pq.ParquetWriter(sink, schema, store_schema=False) as writer:
        for value in (MODERN, LEAP_CENTURY, MODERN):
            writer.write_table(pa.table({"at": micros(value)}))
        writer.add_key_value_metadata(LEGACY)
    assert parse_footer(sink.getvalue(), "s3://b/file").early == (("at", "julian"),)


EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_AROUND = [(2, 27), (2, 28), (3, 1), (3, 2), (3, 15)]


def julian_day(day: date) -> int:
    """Days since 1970-01-01 of a day of the Julian calendar, by the formula of the Julian day number."""
    shifted = (14 - day.month) // 12
    years, months = day.year + 4800 - shifted, day.month + 12 * shifted - 3
    return day.day + (153 * months + 2) // 5 + 365 * years + years // 4 - 32083 - 2440588


@settings(max_examples=3)
@given(st.lists(st.datetimes(datetime(1, 1, 3), datetime(1582, 10, 4)), min_size=20, max_size=20))  # noqa: DTZ001
def test_every_early_day_is_again_what_it_was_in_the_database(moments: list[datetime]) -> None:
    centuries = [datetime(year, month, day, 23, 59) for year in range(100, 1600, 100) for month, day in _AROUND]  # noqa: DTZ001
    moments = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in (*moments, *centuries)]
    stored = [moment + timedelta(days=julian_day(moment) - (moment - EPOCH).days) for moment in moments]
    rows = ", ".join(f"(TIMESTAMP '{time.isoformat(' ', 'milliseconds')}', DATE '{time.date()}')" for time in stored)
    times = view_column(Column(name="t", hive_type="timestamp", calendar="julian"), "t").expression
    days = view_column(Column(name="d", hive_type="date", calendar="julian"), "d").expression
    found = asked(f"SELECT {times}, {days} FROM (VALUES {rows}) AS v (t, d)")
    wanted = [(moment.isoformat(" ", "milliseconds"), str(moment.date())) for moment in moments]
    assert [(str(time).zfill(23), str(day).zfill(10)) for time, day in found] == wanted


@pytest.mark.parametrize(
    ("calendar", "raw", "value", "lost"),
    [
        ("julian", "1582-10-14", "1582-10-04", "false"),
        ("julian", "1582-10-15", "1582-10-15", "false"),
        ("julian", "2026-11-20", "2026-11-20", "false"),
        ("gregorian", "1500-03-12", "1500-03-12", "false"),
        (None, "1500-03-12", "1500-03-12", "false"),
        ("mixed", "1582-10-14", None, "true"),
        ("mixed", "1582-10-15", "1582-10-15", "false"),
    ],
)
def test_a_day_that_cannot_be_determined_is_null_and_counted(
    calendar: Calendar | None, raw: str, value: str | None, lost: str
) -> None:
    assert shown(Column(name="x", hive_type="date", calendar=calendar), f"DATE '{raw}'") == (value, lost)
    assert shown(Column(name="x", hive_type="date", calendar=calendar), f"DATE '{raw}'", "varchar") == (value, lost)


def test_null_is_null_whatever_the_calendar() -> None:
    for calendar in ("julian", "mixed"):
        column = Column(name="x", hive_type="timestamp", calendar=calendar)
        assert shown(column, "CAST(NULL AS timestamp)") == (None, "false")


def test_a_view_without_early_days_reads_the_column_itself() -> None:
    assert view_column(Column(name="x", hive_type="timestamp"), "x").expression == '"x"'


@pytest.fixture
def staff(mariadb: EmbeddedMariaDb, tmp_path: Path, root: Path) -> Iterator[World]:
    url = mariadb.create_database("staff")
    execute_mysql(
        url,
        "CREATE TABLE people (id int, hired datetime, left_at datetime)",
        "INSERT INTO people VALUES (1, '0001-01-01', '1500-03-01 12:00:00'), (2, '2024-02-29 10:00:00', NULL)",
    )
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path, root=root)
        world.with_source(default_schema="staff.staff")
        world.snapshot(DAY)
        yield world
    execute_mysql(url, "DROP DATABASE staff")


def exported_with(world: World, files: list[dict[str, str]]) -> dict[str, int]:
    """Publish an export whose files are those of Spark, with these marks each; how many values were counted as lost."""
    run, day = world.run(), date.fromisoformat(DAY)
    export = run.accept(day, poll_seconds=0.05).record
    s3 = world.clients.client("s3")
    listed = s3.list_objects_v2(Bucket=export.bucket, Prefix=export.folder)["Contents"]
    (key,) = [one["Key"] for one in listed if one["Key"].endswith(".parquet")]
    ids = [pa.array([1, 2], pa.int32()), pa.array([3, 4], pa.int32())]
    for number, marks in enumerate(files):
        columns = {"id": ids[number], "hired": micros(YEAR_ONE, MODERN), "left_at": micros(LEAP_CENTURY, None)}
        s3.put_object(
            Bucket=export.bucket, Key=key.replace("part-00000", f"part-{number:05}"), Body=spark_file(columns, marks)
        )
    run.relocate(day)
    (quality,) = run.shared.catalogue(day).quality
    run.shared.publish(day, now=datetime.now(UTC))
    return dict(quality.lost)


@pytest.mark.exhaustive
def test_early_times_of_a_file_that_spark_marked_are_those_of_the_database(staff: World) -> None:
    assert exported_with(staff, [LEGACY]) == {}
    assert staff.query("SELECT CAST(hired AS varchar), CAST(left_at AS varchar) FROM people ORDER BY id") == [
        ("0001-01-01 00:00:00.000", "1500-03-01 12:00:00.000"),
        ("2024-02-29 10:00:00.000", None),
    ]


@pytest.mark.exhaustive
def test_files_of_both_calendars_in_one_table_lose_early_times_and_say_how_many(staff: World) -> None:
    assert exported_with(staff, [LEGACY, {}]) == {"hired": 2, "left_at": 2}
    assert (
        staff.query("SELECT hired, left_at FROM people ORDER BY id")
        == [
            (None, None),
            ("2024-02-29 10:00:00.000", None),
        ]
        * 2
    )
