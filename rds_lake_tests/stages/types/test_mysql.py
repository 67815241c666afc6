"""Every MySQL and MariaDB type from the database through export, Parquet, Glue and the typed view.

What an export makes of a type: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.stages.types.cases import (
    NULL,
    Case,
    PublishedTypes,
    counted,
    differences,
    kept,
    publish,
    rows_of,
    silent,
)
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud

_TEXT = "BYTE_ARRAY STRING"
_BYTES = "BYTE_ARRAY"
_MICROS = "INT64 TIMESTAMP_MICROS"
_WORDS = kept(
    ("'größe'", "größe"), ("'line\\nbreak, \"quoted\" \\'x\\' \\\\'", "line\nbreak, \"quoted\" 'x' \\"), ("''", "")
)
_BLOBS = kept(("x'00ff0a'", "00 ff 0a"), ("''", ""))
_NO_DAY = "zero and impossible dates: NULL, counted"
_NO_MOMENT = "zero and impossible times: NULL, silently; beyond milliseconds: rounded"


def whole(kind: str, parquet: str, view: str, *values: int) -> Case:
    return Case(kind, parquet, view, kept(*((str(value), str(value)) for value in values)) + NULL)


def shape(kind: str, text: str, shown: str) -> Case:
    """SRID 4326, then well-known binary."""
    return Case(kind, _BYTES, "varbinary", kept((f"ST_GeomFromText('{text}', 4326)", f"e6 10 00 00 {shown}")) + NULL)


_1 = "00 00 00 00 00 00 f0 3f"
_2 = "00 00 00 00 00 00 00 40"
_POINT = f"01 01 00 00 00 {_1} {_2}"
_LINE = f"01 02 00 00 00 02 00 00 00 {_1} {_2} {_2} {_1}"
_AREA = f"01 03 00 00 00 01 00 00 00 04 00 00 00 {_1} {_1} {_2} {_1} {_2} {_2} {_1} {_1}"

CASES = [
    whole("tinyint", "INT32", "integer", -128, 127),
    whole("tinyint(1)", "INT32", "integer", 0, 1, -1),
    whole("tinyint unsigned", "INT32 INT_16", "smallint", 0, 255),
    whole("smallint", "INT32", "integer", -32768, 32767),
    whole("smallint unsigned", "INT32", "integer", 0, 65535),
    whole("mediumint", "INT32", "integer", -8388608, 8388607),
    whole("mediumint unsigned", "INT64", "bigint", 0, 16777215),
    whole("int", "INT32", "integer", -(2**31), 2**31 - 1),
    whole("int unsigned", "INT64", "bigint", 0, 2**32 - 1),
    whole("bigint", "INT64", "bigint", -(2**63), 2**63 - 1),
    whole("bigint unsigned", "FIXED(9) DECIMAL(20,0)", "decimal(20,0)", 0, 2**63, 2**64 - 1),
    whole("year", "INT32", "integer", 1901, 2155, 0),
    Case(
        "decimal(9,2)",
        "INT32 DECIMAL(9,2)",
        "decimal(9,2)",
        kept(("-9999999.99", "-9999999.99"), ("0", "0.00"), ("0.01", "0.01")) + NULL,
    ),
    Case(
        "decimal(18,4)",
        "INT64 DECIMAL(18,4)",
        "decimal(18,4)",
        kept(("99999999999999.9999", "99999999999999.9999"), ("-0.0001", "-0.0001")) + NULL,
    ),
    Case(
        "decimal(19,0)",
        "FIXED(9) DECIMAL(19,0)",
        "decimal(19,0)",
        kept(("-9999999999999999999", "-9999999999999999999")) + NULL,
    ),
    Case(
        "numeric(38,10)",
        "FIXED(16) DECIMAL(38,10)",
        "decimal(38,10)",
        kept(("9999999999999999999999999999.9999999999", "9999999999999999999999999999.9999999999")) + NULL,
    ),
    Case("decimal(39,0)", _TEXT, "varchar", kept(("-" + "9" * 39, "-" + "9" * 39), ("0", "0")) + NULL),
    Case("decimal(65,30)", _TEXT, "varchar", kept(("9" * 35 + "." + "9" * 30, "9" * 35 + "." + "9" * 30)) + NULL),
    Case(
        "float",
        "DOUBLE",
        "double",
        kept(
            ("0.5", "0.5"),
            ("0.1", "0.10000000149011612"),
            ("16777216", "1.6777216E7"),
            ("-3.4e38", "-3.3999999521443642E38"),
        )
        + NULL,
    ),
    Case(
        "double",
        "DOUBLE",
        "double",
        kept(
            ("0.1", "0.1"),
            ("-1.7976931348623157e308", "-1.7976931348623157E308"),
            ("2.2250738585072014e-308", "2.2250738585072014E-308"),
        )
        + NULL,
    ),
    Case("bit(1)", _BYTES, "bigint", kept(("b'0'", "0"), ("b'1'", "1")) + NULL),
    Case("bit(12)", _BYTES, "bigint", kept(("b'101010101010'", "2730"), ("0", "0"), ("4095", "4095")) + NULL),
    Case("bit(63)", _BYTES, "bigint", kept((str(2**63 - 1), str(2**63 - 1)), ("0", "0")) + NULL),
    Case("bit(64)", _BYTES, "decimal(20,0)", kept((str(2**64 - 1), str(2**64 - 1)), ("0", "0")) + NULL),
    Case("binary(4)", _BYTES, "varbinary", kept(("'ab'", "61 62 00 00")) + NULL),
    Case("varbinary(10)", _BYTES, "varbinary", _BLOBS + NULL),
    Case("tinyblob", _BYTES, "varbinary", _BLOBS + NULL),
    Case("blob", _BYTES, "varbinary", _BLOBS + NULL),
    Case("mediumblob", _BYTES, "varbinary", _BLOBS + NULL),
    Case("longblob", _BYTES, "varbinary", _BLOBS + NULL),
    Case("char(8)", _TEXT, "varchar", kept(("'größe  '", "größe"), ("''", "")) + NULL),
    Case("varchar(40)", _TEXT, "varchar", _WORDS + kept(("'x  '", "x  "), ("'😀'", "😀")) + NULL),
    Case("tinytext", _TEXT, "varchar", _WORDS + NULL),
    Case("text", _TEXT, "varchar", _WORDS + kept(("REPEAT('ab', 30000)", "ab" * 30000)) + NULL),
    Case("mediumtext", _TEXT, "varchar", _WORDS + NULL),
    Case("longtext", _TEXT, "varchar", _WORDS + NULL),
    Case("enum('ok','it''s')", _TEXT, "varchar", kept(("'ok'", "ok"), ("'it''s'", "it's"), ("''", "")) + NULL),
    Case("set('a','b','c')", _TEXT, "varchar", kept(("'c,a'", "a,c"), ("''", "")) + NULL),
    Case(
        "json",
        _TEXT,
        "varchar",
        kept(('\'{"a": [1, null, "ü"]}\'', '{"a": [1, null, "ü"]}'), ("'null'", "null")) + NULL,
    ),
    Case(
        "date",
        _TEXT,
        "date",
        kept(("'2026-02-28'", "2026-02-28"), ("'1000-01-01'", "1000-01-01"), ("'9999-12-31'", "9999-12-31"))
        + counted("'0000-00-00'", "'2026-02-00'", "'2026-00-00'", "'0000-02-28'")
        + NULL,
        _NO_DAY,
    ),
    Case(
        "time(6)",
        _TEXT,
        "varchar",
        kept(
            ("'-838:59:59'", "-838:59:59.000000"),
            ("'25:00:00.5'", "25:00:00.500000"),
            ("'00:00:00'", "00:00:00.000000"),
        )
        + NULL,
    ),
    Case("time", _TEXT, "varchar", kept(("'838:59:59'", "838:59:59"), ("'-00:00:01'", "-00:00:01")) + NULL),
    Case(
        "datetime",
        _MICROS,
        "timestamp(3)",
        kept(("'2026-01-02 03:04:05'", "2026-01-02 03:04:05.000"), ("'1000-01-01'", "1000-01-01 00:00:00.000"))
        + silent(("'0000-00-00 00:00:00'", None), ("'2026-02-00 00:00:00'", None))
        + NULL,
        _NO_MOMENT,
    ),
    Case(
        "datetime(6)",
        _MICROS,
        "timestamp(3)",
        kept(
            ("'9999-12-31 23:59:59.999'", "9999-12-31 23:59:59.999"),
            ("'1969-12-31 23:59:59.5'", "1969-12-31 23:59:59.500"),
        )
        + silent(("'2026-01-02 03:04:05.123456'", "2026-01-02 03:04:05.123"))
        + NULL,
        _NO_MOMENT,
    ),
    Case(
        "timestamp",
        _MICROS,
        "timestamp(3)",
        kept(("'1970-01-01 00:00:01'", "1970-01-01 00:00:01.000"), ("'2038-01-19 03:14:07'", "2038-01-19 03:14:07.000"))
        + silent(("'0000-00-00 00:00:00'", None))
        + NULL,
        _NO_MOMENT,
    ),
    Case(
        "timestamp(6)",
        _MICROS,
        "timestamp(3)",
        kept(("'2026-03-29 02:30:00.125'", "2026-03-29 02:30:00.125"))
        + silent(("'2026-01-02 03:04:05.123456'", "2026-01-02 03:04:05.123"))
        + NULL,
        _NO_MOMENT,
    ),
    shape("geometry", "POINT(1 2)", _POINT),
    shape("point", "POINT(1 2)", _POINT),
    shape("linestring", "LINESTRING(1 2,2 1)", _LINE),
    shape("polygon", "POLYGON((1 1,2 1,2 2,1 1))", _AREA),
    shape("multipoint", "MULTIPOINT(1 2)", f"01 04 00 00 00 01 00 00 00 {_POINT}"),
    shape("multilinestring", "MULTILINESTRING((1 2,2 1))", f"01 05 00 00 00 01 00 00 00 {_LINE}"),
    shape("multipolygon", "MULTIPOLYGON(((1 1,2 1,2 2,1 1)))", f"01 06 00 00 00 01 00 00 00 {_AREA}"),
    shape("geometrycollection", "GEOMETRYCOLLECTION(POINT(1 2))", f"01 07 00 00 00 01 00 00 00 {_POINT}"),
    Case(
        "uuid",
        _TEXT,
        "varchar",
        kept(("'A9F7E979-65d6-cf79-9a52-9102a973b8b9'", "a9f7e979-65d6-cf79-9a52-9102a973b8b9")) + NULL,
    ),
    Case("inet4", _TEXT, "varchar", kept(("'10.0.0.1'", "10.0.0.1")) + NULL),
    Case("inet6", _TEXT, "varchar", kept(("'2001:DB8::1'", "2001:db8::1")) + NULL),
]


@pytest.fixture(scope="module")
def url(mariadb: EmbeddedMariaDb) -> Iterator[str]:
    """A database with a column of every type."""
    url = mariadb.create_database("shop")
    columns = ", ".join(f"c{number} {case.kind} NULL" for number, case in enumerate(CASES))
    rows = ", ".join(f"({', '.join(row)})" for row in rows_of(CASES, pad={}))
    execute_mysql(
        url,
        "SET sql_mode = ''",
        "SET time_zone = '+00:00'",
        f"CREATE TABLE types (n int, {columns})",
        "CREATE TABLE nothing LIKE types",
        f"INSERT INTO types VALUES {rows}",
    )
    yield url
    execute_mysql(url, "DROP DATABASE shop")


@pytest.fixture(scope="module")
def typed(url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """The lake of that database."""
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path_factory.mktemp("lake"), root=root)
        world.with_source(default_schema="shop.shop")
        yield world


@pytest.fixture(scope="module")
def published(typed: World) -> PublishedTypes:
    """One snapshot of it, published."""
    return publish(typed, CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kind for case in CASES])
def test_a_type_is_in_athena_what_the_table_says(published: PublishedTypes, number: int) -> None:
    assert differences(published, number, CASES[number]) == []


def _literal(case: Case, shown: str) -> str:
    """What Athena showed, as MySQL takes it."""
    if case.view == "varbinary":
        return f"x'{shown.replace(' ', '')}'" if shown else "''"
    if case.view == "varchar":
        return "'" + shown.replace("\\", "\\\\").replace("'", "''") + "'"
    # Numbers bare: a BIT takes text for its bytes.
    return f"'{shown}'" if case.view in ("date", "timestamp(3)") else shown


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kind for case in CASES])
def test_what_athena_shows_is_the_databases_value_when_it_is_put_back(
    url: str, published: PublishedTypes, number: int
) -> None:
    case = CASES[number]
    back = [
        (row, value.shown) for row, value in enumerate(case.values) if value.fate == "kept" and value.shown is not None
    ]
    rows = ", ".join(f"({row}, {_literal(case, shown)})" for row, shown in back)
    # As the bytes of their text, so that no collation and no rounding calls two values one.
    same = (
        f"HEX(types.c{number}) = HEX(back.v)" if case.view == "varbinary" else f"BINARY types.c{number} = BINARY back.v"
    )
    ((compared, equal),) = execute_mysql(
        url,
        "SET sql_mode = ''",
        "SET time_zone = '+00:00'",
        f"CREATE OR REPLACE TEMPORARY TABLE back (n int, v {case.kind} NULL)",
        f"INSERT INTO back VALUES {rows}",
        f"SELECT count(*), sum({same}) FROM types JOIN back USING (n)",
    )
    assert (compared, equal) == (len(back), len(back))
