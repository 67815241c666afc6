"""Names and places of a lake are data in the DDL of every engine, whatever they have in them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import exp

from rds_lake.model.tables.table import Column
from rds_lake.sql.readers.render import render
from rds_lake.sql.readers.tables import ReadColumn, ReadDate, ReadFiles, ReadTable
from rds_lake.sql.view_columns import view_column
from rds_lake_tests.sql.readers.dialects import DIALECTS

_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


def _read(column: str, member: str, folder: str) -> ReadDate:
    raw = Column(name=column, hive_type="string", original_type="date")
    files = ReadFiles(
        location=f"{folder}/{member.replace('/', '_')}/",
        files=1,
        types={column.lower(): "string"},
        names={column.lower(): column},
        member=member,
    )
    table = ReadTable(
        view="orders",
        raw="snapshots_orders",
        original=f"shop.public.{member}",
        partition_key="snapshot_date",
        columns=(ReadColumn(raw=raw, view=view_column(raw, "day")),),
        files=(files,),
        member_key="snapshot_table",
    )
    return ReadDate(
        database="shop",
        schema="shop",
        day=date(2026, 11, 20),
        region="eu-central-1",
        folder="s3://lake/",
        tables=(table,),
    )


@pytest.mark.parametrize("engine", sorted(DIALECTS))
@given(column=_NAMES, member=_NAMES)
@example(column="it's", member='a"b`c\\')
@example(column="\\'; DROP VIEW x; --", member="line\nbreak */")
@example(column="`", member="'")
def test_no_name_ends_its_quotes_or_its_comment(engine: str, column: str, member: str) -> None:
    statements = sqlglot.parse(render(engine, _read(column, member, "s3://lake")), read=DIALECTS[engine])
    views = [tree for tree in statements if isinstance(tree, exp.Create) and tree.kind == "VIEW"]
    assert [view.find(exp.Table).name.lower() for view in views][-1:] == ["orders"]  # type: ignore[union-attr]
    assert len(views) == (2 if engine == "duckdb" else 1)
    words = {node.name for node in views[-1].find_all(exp.Identifier, exp.Literal)}
    assert (column if engine in ("duckdb", "spark", "databricks", "snowflake") else column.lower()) in words
    if engine not in ("trino", "redshift-spectrum"):  # which have it from Glue
        assert member in words


@pytest.mark.parametrize("name", ["a*b", "[x]", "what?", "it's", "Order Details", "größe"])
def test_duckdb_reads_the_folder_of_that_name_and_no_other(tmp_path: Path, name: str) -> None:
    for folder in (name, "aXb", "x", "whatX"):
        (tmp_path / folder).mkdir(exist_ok=True)
        pq.write_table(pa.table({name: [folder]}), tmp_path / folder / "1-part.parquet")
    text = render("duckdb", _read(name, name, str(tmp_path)))
    connection = duckdb.connect()
    for statement in text.split(";\n"):
        if "SECRET" not in statement:
            connection.execute(statement)
    assert connection.execute("SELECT snapshot_table FROM shop.orders").fetchall() == [(name,)]
    assert connection.execute(f'SELECT "{name}" FROM shop.snapshots_orders').fetchall() == [(name,)]
