"""A view's column follows from the file's type and the database's word for it, and from nothing else."""

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.results import render_rows
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.dispatch import run_statement
from rds_lake.localcloud.databases.source import SourceColumn, SourceTable
from rds_lake.localcloud.rds.parquet import skip_reason
from rds_lake.model.tables.table import Column
from rds_lake.sql.view_columns import view_column


def shown(column: Column, raw: str, override: str | None = None) -> tuple[str | None, str | None]:
    """What the view shows of a raw value, and whether it counts as lost; NULL counts as not lost."""
    view = view_column(column, "x", type_override=override)
    ((value, lost),) = asked(f'SELECT {view.expression}, {view.loss or "false"} FROM (SELECT {raw} AS "x") AS t')
    return value, lost


def asked(sql: str) -> list[tuple[str | None, ...]]:
    """Rows of the local Athena, without tables."""
    engine = Engine(clients=None, cache=None)  # type: ignore[arg-type]
    try:
        return [tuple(row) for row in render_rows(run_statement(Session(engine=engine, database="default"), sql))]
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("hive_type", "word", "precision", "view"),
    [
        ("string", "numeric", 12, "decimal(24,12)"),  # PostgreSQL: the scale is not exported
        ("string", "decimal", 65, "varchar"),  # MySQL: more digits than any decimal of Athena
        ("decimal(12,2)", "decimal", 12, "decimal(12,2)"),
        ("decimal(20,0)", "bigint", 20, "decimal(20,0)"),
        ("string", "timestamp without time zone", None, "timestamp"),
        ("timestamp", "timestamp", None, "timestamp(3)"),
        ("timestamp", "datetime", None, "timestamp(3)"),
        ("string", "time", None, "varchar"),
        ("string", "bit", 4, "varchar"),  # PostgreSQL writes bits as text
        ("binary", "bit", 1, "bigint"),  # MySQL as bytes
        ("binary", "bit", 63, "bigint"),
        ("binary", "bit", 64, "decimal(20,0)"),
        ("binary", "bit", None, "decimal(20,0)"),  # AWS did not say how many
        ("binary", "bytea", None, "varbinary"),
        ("binary", "geometry", None, "varbinary"),
        ("binary", "char", None, "varchar"),
        ("int", "tinyint", 3, "integer"),
        ("int", "year", None, "integer"),
        ("string", "ARRAY", None, "array(varchar)"),
        ("string", "json", None, "varchar"),
        ("string", None, None, "varchar"),
        ("binary", None, None, "varbinary"),
    ],
)
def test_the_two_words_choose_the_type(hive_type: str, word: str | None, precision: int | None, view: str) -> None:
    column = Column(name="X", hive_type=hive_type, original_type=word, num_precision=precision)
    assert view_column(column, "x").presto_type == view


@pytest.mark.parametrize(
    ("bits", "raw", "value", "lost"),
    [
        (1, "X'01'", "1", "false"),
        (12, "X'0AAA'", "2730", "false"),
        (63, "X'7FFFFFFFFFFFFFFF'", str(2**63 - 1), "false"),
        (64, "X'FFFFFFFFFFFFFFFF'", str(2**64 - 1), "false"),
        (64, "X'8000000000000000'", str(2**63), "false"),
        (5, "CAST(NULL AS varbinary)", None, "false"),
        (5, "X'FFFFFFFFFFFFFFFF'", None, "true"),
        (64, "X'01FFFFFFFFFFFFFFFF'", None, "true"),
    ],
)
def test_bytes_of_any_bit_are_their_number_and_never_fail_a_query(
    bits: int, raw: str, value: str | None, lost: str
) -> None:
    column = Column(name="x", hive_type="binary", original_type="bit", num_precision=bits)
    assert shown(column, raw) == (value, lost)


@pytest.mark.parametrize(
    ("raw", "value", "lost"),
    [
        ("'2026-02-28'", "2026-02-28", "false"),
        ("'0000-00-00'", None, "true"),
        ("'0000-02-28'", None, "true"),
        ("'2026-02-31'", None, "true"),
        ("'infinity'", None, "true"),
        ("CAST(NULL AS varchar)", None, "false"),
    ],
)
def test_a_date_that_is_none_reads_as_null_and_is_counted(raw: str, value: str | None, lost: str) -> None:
    assert shown(Column(name="x", hive_type="string", original_type="date"), raw) == (value, lost)


def test_char_that_aws_wrote_as_bytes_is_text() -> None:
    assert shown(Column(name="x", hive_type="binary", original_type="char"), "X'67726FC39F65'") == ("große", "false")


@pytest.mark.parametrize(
    ("override", "raw", "value", "lost"),
    [
        ("boolean", "X'01'", "true", "false"),
        ("boolean", "X'00'", "false", "false"),
        ("boolean", "X'02'", "true", "true"),
        ("varchar", "X'0C'", "12", "false"),
        ("tinyint", "X'FF'", None, "true"),
    ],
)
def test_a_bit_may_be_asked_for_as_another_type(override: str, raw: str, value: str | None, lost: str) -> None:
    column = Column(name="x", hive_type="binary", original_type="bit", num_precision=8)
    assert shown(column, raw, override) == (value, lost)


def test_a_decimal_of_too_many_digits_may_be_asked_for_as_a_shorter_one() -> None:
    column = Column(name="x", hive_type="string", original_type="decimal", num_precision=65)
    assert shown(column, "'12.50'", "decimal(38,2)") == ("12.50", "false")
    assert shown(column, f"'{'9' * 40}.00'", "decimal(38,2)") == (None, "true")
    assert shown(column, "'12.505'", "decimal(38,2)") == ("12.51", "true")


def _array_text(elements: list[str | None]) -> str:
    """As PostgreSQL's array_out writes it."""

    def written(element: str | None) -> str:
        if element is None:
            return "NULL"
        bare = element and element.upper() != "NULL" and not set(element) & set('"\\{}, \t\n\v\f\r')
        return element if bare else '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "{" + ",".join(map(written, elements)) + "}"


_ELEMENTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["NULL", "null", "", ";", "a;b", "12:00", "(1", "2)", "{}", '"', "\\", ",", "[0:1]={1}", "\u00a0", "\u0085"]
    ),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=6),
)


@given(st.lists(_ELEMENTS, max_size=6))
def test_a_list_of_any_texts_has_these_very_elements_or_is_counted(elements: list[str | None]) -> None:
    column = Column(name="x", hive_type="string", original_type="ARRAY")
    raw = "'" + _array_text(elements).replace("'", "''") + "'"
    wanted = "[" + ", ".join("null" if element is None else element for element in elements) + "]"
    assert shown(column, raw) in ((wanted, "false"), (None, "true"))


@pytest.mark.parametrize(
    "raw",
    [
        "{(2,2),(1,1);(4,4),(3,3)}",
        "{(2,2),(1,1)}",
        "{NULL;(1e+300,NaN),(-Infinity,0.5)}",
        "{NULL;NULL}",
        "{{1,2},{3,4}}",
        "{{}}",
        "[0:2]={1,2,3}",
        "[-1:0]={{1},{2}}",
        "1 2 3",
        "",
        "(1,a)",
        "[1,5)",
        "empty",
        "{[1,5),[7,9)",
        '{"a":"b"}',
        '{"a"b}',
        "{a,}",
        "{,}",
        "{a, b}",
        '{"a}',
        "{a}\n",
        "{0101000020E6100000000000000000F03F0000000000000040:0101000020E6100000000000000000F03F0000000000000040}",
        "{NULL:0101000020E6100000000000000000F03F0000000000000040}",
    ],
)
def test_what_is_no_list_of_postgresql_is_never_read_as_one(raw: str) -> None:
    column = Column(name="x", hive_type="string", original_type="ARRAY")
    assert shown(column, f"'{raw}'") == (None, "true")


@pytest.mark.parametrize(
    ("hive_type", "word", "bits"),
    [("binary", "bit", 12), ("binary", "bit", 64), ("string", "ARRAY", None), ("string", "_text[]", None)],
)
def test_no_name_that_a_column_can_have_is_made_up_for_a_view(hive_type: str, word: str, bits: int | None) -> None:
    column = view_column(Column(name="x", hive_type=hive_type, original_type=word, num_precision=bits), "x")
    tree = sqlglot.parse_one(f"SELECT {column.expression}, {column.loss}", read="athena")
    names = {part.name for part in tree.find_all(exp.Identifier)} - {"x"}
    possible = [name for name in names if skip_reason(_table_with(name)) is None]
    assert names
    assert possible == []


def _table_with(column: str) -> SourceTable:
    return SourceTable(
        schema="s",
        name="t",
        columns=(SourceColumn(name=column, data_type="bit", expected="binary", arrow=pa.binary()),),
    )
