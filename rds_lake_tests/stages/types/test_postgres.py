"""Every PostgreSQL type from the database through export, Parquet, Glue and the typed view.

What an export makes of a type: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.stages.types.cases import (
    NULL,
    Case,
    PublishedTypes,
    Value,
    counted,
    differences,
    kept,
    publish,
    rows_of,
    silent,
)
from rds_lake_tests.support.world import World, execute

_TEXT = "BYTE_ARRAY STRING"
_NO_DATE = "infinity, BC: NULL, counted"
_NO_MOMENT = "infinity, BC: NULL, counted; beyond milliseconds: rounded"
_NO_NUMBER = "NaN, infinity, more digits than the view's: NULL, counted"
_FLAT = "more than one dimension, or bounds of its own: NULL, counted"


def native(kind: str, parquet: str, view: str, *values: tuple[str, str]) -> Case:
    return Case(kind, parquet, view, kept(*values) + NULL)


def text(kind: str, *values: tuple[str, str] | str, lost: str = "") -> Case:
    """A type whose own text the view shows; one string where literal and text are the same."""
    pairs = [(value, value) if isinstance(value, str) else value for value in values]
    return Case(kind, _TEXT, "varchar", kept(*((quoted(literal), shown) for literal, shown in pairs)) + NULL, lost)


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


CASES = [
    native(
        "bigint",
        "INT64",
        "bigint",
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775807", "9223372036854775807"),
    ),
    Case("bigserial", "INT64", "bigint", kept(("9223372036854775807", "9223372036854775807"))),
    native("integer", "INT32", "integer", ("-2147483648", "-2147483648"), ("2147483647", "2147483647")),
    Case("serial", "INT32", "integer", kept(("2147483647", "2147483647"))),
    native("smallint", "INT32 INT_16", "smallint", ("-32768", "-32768"), ("32767", "32767")),
    Case("smallserial", "INT32 INT_16", "smallint", kept(("32767", "32767"))),
    native(
        "double precision",
        "DOUBLE",
        "double",
        ("1e308", "1.0E308"),
        ("0.1", "0.1"),
        ("'NaN'", "NaN"),
        ("'-Infinity'", "-Infinity"),
    ),
    native(
        "real", "FLOAT", "real", ("0.1", "0.1"), ("'Infinity'", "Infinity"), ("'NaN'", "NaN"), ("-3.4e38", "-3.4E38")
    ),
    native("boolean", "BOOLEAN", "boolean", ("true", "true"), ("false", "false")),
    native("bytea", "BYTE_ARRAY", "varbinary", ("'\\x00ff'", "00 ff"), ("''", "")),
    Case(
        "numeric(12,2)",
        _TEXT,
        "decimal(24,12)",
        kept(("9999999999.99", "9999999999.990000000000"), ("-0.01", "-0.010000000000")) + counted("'NaN'") + NULL,
        _NO_NUMBER,
    ),
    Case(
        "numeric(19,19)",
        _TEXT,
        "decimal(38,19)",
        kept(("0.1234567890123456789", "0.1234567890123456789"), ("-0.9999999999999999999", "-0.9999999999999999999"))
        + NULL,
        _NO_NUMBER,
    ),
    Case(
        "numeric",
        _TEXT,
        "decimal(38,18)",
        kept(("1.5", "1.500000000000000000"), ("-" + "9" * 20, "-" + "9" * 20 + "." + "0" * 18))
        + counted("1e30", "'NaN'", "'Infinity'", "'-Infinity'")
        + [Value("0.1234567890123456789", "0.123456789012345679", "counted")]
        + NULL,
        f"{_NO_NUMBER}; beyond 18 fraction digits: rounded, counted",
    ),
    text("money", ("1234.5", "$1,234.50"), ("-0.01", "-$0.01")),
    Case(
        "date",
        _TEXT,
        "date",
        kept(("'2026-02-28'", "2026-02-28"), ("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"))
        + counted("'infinity'", "'-infinity'", "'0044-03-15 BC'")
        + NULL,
        _NO_DATE,
    ),
    text("time", "23:59:59.5", "24:00:00", ("00:00", "00:00:00")),
    text("timetz", "23:59:59+02", "00:00:00.000001-03:30"),
    Case(
        "timestamp",
        _TEXT,
        "timestamp(3)",
        kept(("'2026-01-02'", "2026-01-02 00:00:00.000"), ("'9999-12-31 23:59:59.999'", "9999-12-31 23:59:59.999"))
        + silent(("'2026-01-02 03:04:05.6789'", "2026-01-02 03:04:05.679"))
        + counted("'infinity'", "'-infinity'", "'0044-03-15 12:00 BC'")
        + NULL,
        _NO_MOMENT,
    ),
    Case(
        "timestamptz",
        _TEXT,
        "timestamp(3)",
        kept(
            ("'2026-01-02 03:04:05.123+05:30'", "2026-01-01 21:34:05.123"),
            ("'2026-03-29 02:30:00 Europe/Berlin'", "2026-03-29 01:30:00.000"),
        )
        + counted("'infinity'", "'-infinity'", "'0044-03-15 12:00+00 BC'")
        + NULL,
        f"in UTC; {_NO_MOMENT}",
    ),
    text("interval", ("1 day 2 hours", "1 day 02:00:00"), ("-1 year 1.5 seconds", "-1 years +00:00:01.5")),
    Case(
        "integer[]",
        _TEXT,
        "array(varchar)",
        kept(("'{1,NULL,-3}'", "[1, null, -3]"), ("'{}'", "[]")) + counted("'{{1,2},{3,4}}'", "'[2:3]={1,2}'") + NULL,
        _FLAT,
    ),
    Case(
        "text[]",
        _TEXT,
        "array(varchar)",
        kept(
            (
                "ARRAY['a,b', 'say \"hi\"', 'back\\slash', 'NULL', '', NULL, '{}']",
                '[a,b, say "hi", back\\slash, NULL, , null, {}]',
            ),
            (
                "ARRAY['a;b', ';', ':', 'x:y', '(', '1)', E'new\\nline', 'größe\u00a0']",
                "[a;b, ;, :, x:y, (, 1), new\nline, größe\u00a0]",
            ),
        )
        + NULL,
        _FLAT,
    ),
    Case(
        "time[]",
        _TEXT,
        "array(varchar)",
        kept(("'{12:00,23:59:59.5}'", "[12:00:00, 23:59:59.5]"), ("'{08:00}'", "[08:00:00]"))
        + counted("'[0:1]={12:00,13:00}'")
        + NULL,
        _FLAT,
    ),
    Case(
        "point[]",
        _TEXT,
        "array(varchar)",
        kept(("ARRAY['(1,2)'::point, NULL]", "[(1,2), null]")) + counted("ARRAY[ARRAY['(1,2)'::point]]") + NULL,
        _FLAT,
    ),
    Case(
        "pair[]",
        _TEXT,
        "array(varchar)",
        kept(("ARRAY[(1,'a,b')::pair, (NULL,'{')::pair]", '[(1,"a,b"), (,{)]')) + NULL,
        _FLAT,
    ),
    Case(
        "datemultirange[]",
        _TEXT,
        "array(varchar)",
        kept(
            (
                "ARRAY['{[2026-01-01,2026-02-01),[2027-01-01,)}'::datemultirange]",
                "[{[2026-01-01,2026-02-01),[2027-01-01,)}]",
            )
        )
        + NULL,
        _FLAT,
    ),
    Case(
        "box[]",
        _TEXT,
        "array(varchar)",
        kept(("'{}'", "[]"))
        + counted(
            "ARRAY['((2,2),(1,1))'::box, '((4,4),(3,3))'::box]",
            "ARRAY['((2,2),(1,1))'::box]",
            "ARRAY[NULL, '((2,2),(-1.5,1e+300))'::box]",
            "ARRAY[NULL, NULL]::box[]",
            "ARRAY[ARRAY['((2,2),(1,1))'::box]]",
        )
        + NULL,
        "any but an empty one: NULL, counted",
    ),
    Case("int2vector", _TEXT, "array(varchar)", counted("'1 2 3'", "'7'", "''") + NULL, "NULL, counted"),
    Case("oidvector", _TEXT, "array(varchar)", counted("'1 4294967295'") + NULL, "NULL, counted"),
    text("char(4)", "ab", ""),  # PostgreSQL drops the padding in any conversion to text
    text("varchar(10)", "größe", "a  "),
    text("text", "line\nbreak, \"quoted\" 'x' \\", "", "😀"),
    text("name", "public"),
    text("mood", "it's ok"),
    text("xml"),  # the embedded PostgreSQL is built without libxml: it has the type, but no value other than NULL
    text("tsvector", ("fat cat", "'cat' 'fat'")),
    text("tsquery", ("fat & !cat", "'fat' & !'cat'")),
    text("bit(4)", "0101"),
    text("bit varying(8)", "1", ""),
    text("json", '{"a": [1,  null]}'),
    text("jsonb", ('{"b":1,"a":null}', '{"a": null, "b": 1}')),
    text("uuid", ("A9F7E979-65d6-cf79-9a52-9102a973b8b9", "a9f7e979-65d6-cf79-9a52-9102a973b8b9")),
    text("cidr", "10.0.0.0/8", "2001:db8::/32"),
    text("inet", "10.0.0.1/8", "::1"),
    text("macaddr", "08:00:2b:01:02:03"),
    text("macaddr8", "08:00:2b:01:02:03:04:05"),
    text("pair", '(1,"a,b")', "(,)"),
    text("positive", "7"),
    text("pg_lsn", "16/B374D848"),
    text("int4range", "[1,10)", "empty"),
    text("int8range", "[1,9223372036854775807)"),
    text("numrange", "(1.5,2.5]", "(,)"),
    text("tsrange", '["2026-01-01 00:00:00",infinity)'),
    text("tstzrange", '["2026-01-01 00:00:00+00",)'),
    text("daterange", "[2026-01-01,2026-02-01)"),
    text("datemultirange", "{[2026-01-01,2026-02-01),[2027-01-01,)}"),
    text("point", "(1,2)"),
    text("line", "{1,2,3}"),
    text("lseg", "[(1,2),(3,4)]"),
    text("box", "(3,4),(1,2)"),
    text("path", "[(1,2),(3,4)]"),
    text("polygon", "((1,2),(3,4),(5,6))"),
    text("circle", "<(1,2),3>"),
    text("oid", "4294967295", lost="AWS does not export the type in a useful way"),
]


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    """A database with a column of every type."""
    url = postgres.create_database("typed")
    columns = ", ".join(f"c{number} {case.kind}" for number, case in enumerate(CASES))
    pad = {"bigserial": "DEFAULT", "serial": "DEFAULT", "smallserial": "DEFAULT"}
    rows = ", ".join(f"({', '.join(row)})" for row in rows_of(CASES, pad=pad))
    execute(
        url,
        "CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0); "
        f"CREATE TYPE pair AS (a integer, b text); CREATE TABLE types (n integer, {columns}); "
        f"CREATE TABLE nothing (LIKE types); SET lc_monetary = 'C.UTF-8'; INSERT INTO types VALUES {rows}",
    )
    return url


@pytest.fixture(scope="module")
def typed(url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """The lake of that database."""
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with LocalCloud({"shop-prod": url}, exports=settings) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path_factory.mktemp("lake"), root=root)
        world.with_source(default_schema="typed.public")
        yield world


@pytest.fixture(scope="module")
def published(typed: World) -> PublishedTypes:
    """One snapshot of it, published."""
    return publish(typed, CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kind for case in CASES])
def test_a_type_is_in_athena_what_the_table_says(published: PublishedTypes, number: int) -> None:
    assert differences(published, number, CASES[number]) == []


def _literal(case: Case, shown: str) -> str | None:
    """What Athena showed, as PostgreSQL takes it; None for what Athena shows in no form that can be read back."""
    if case.view.startswith("array"):
        return None
    if case.view == "varbinary":
        return quoted("\\x" + shown.replace(" ", ""))
    return quoted(shown)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kind for case in CASES])
def test_what_athena_shows_is_the_databases_value_when_it_is_put_back(
    url: str, published: PublishedTypes, number: int
) -> None:
    case = CASES[number]
    # json and some shapes know no `=`; a numeric's text has as many zeros as its writer gave it.
    form = "" if case.kind.startswith("numeric") else "::text"
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone TO 'UTC'")
        connection.execute(f"CREATE TEMPORARY TABLE back (n integer, v {case.kind})".encode())
        back = [
            (row, _literal(case, value.shown))
            for row, value in enumerate(case.values)
            if value.fate == "kept" and value.shown is not None
        ]
        for row, literal in back:
            if literal is not None:
                connection.execute(f"INSERT INTO back VALUES ({row}, {literal})".encode())
        wrong = connection.execute(
            f"SELECT c{number}::text, v::text FROM types JOIN back USING (n) "
            f"WHERE c{number}{form} IS DISTINCT FROM v{form}".encode()
        ).fetchall()
    assert wrong == []
