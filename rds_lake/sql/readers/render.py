"""The DDL of one date for one engine, as a script that can be run: `rds-lake ddl`.

What belongs here: the order of the script. One column is `columns.py`, and each engine has a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rds_lake.model.words import counted
from rds_lake.sql.quoting import date_literal
from rds_lake.sql.readers import duckdb, redshift, snowflake, spark, trino
from rds_lake.sql.readers.columns import column_note, view_expression
from rds_lake.sql.readers.engine import Engine, in_comment
from rds_lake.sql.readers.tables import ReadDate, ReadFiles, ReadTable

# Engines that read the files themselves: the folder of exactly the export that the date has.
BY_FILES: Mapping[str, Engine] = {
    "snowflake": snowflake.ENGINE,
    "databricks": spark.DATABRICKS,
    "duckdb": duckdb.ENGINE,
    "spark": spark.SPARK,
}
# Engines that read the raw tables in Glue, and the date's partition of each.
BY_GLUE: Mapping[str, Callable[[ReadDate], list[str]]] = {
    "redshift-spectrum": redshift.render,
    "trino": trino.render,
}
_TITLES = {"redshift-spectrum": redshift.TITLE, "trino": trino.TITLE}
_NOWHERE = ReadFiles(location="", files=0, types={}, names={})


def render(name: str, read: ReadDate) -> str:
    """Returns the script: preparations as comments, then a raw table and a view per table."""
    if name in BY_GLUE:
        title, statements = _TITLES[name], BY_GLUE[name](read)
    else:
        engine = BY_FILES[name]
        title = engine.title
        statements = engine.opening(read)
        for table in read.tables:
            statements += _table(engine, read, table)
    top = [
        f"-- {read.database} of {read.day} for {title}, by `rds-lake ddl`: {counted(len(read.tables), 'table')}.",
        "-- It shows this date; run it again to move to a later one. Values have the meaning of the lake's views in Athena; where an",
        "-- engine cannot say the same, a comment says how it differs.",
    ]
    return "\n".join([*top, *statements]) + "\n"


def _table(engine: Engine, read: ReadDate, table: ReadTable) -> list[str]:
    statements = [f"\n-- {in_comment(table.original)}"]
    several = len(table.files) > 1
    selects: list[str] = []
    for number, files in enumerate(table.files, 1):
        if files.files:
            name = f"{table.raw}__m{number}" if several else table.raw
            made, relation = engine.raw(read, files, name)
            statements += made
            selects.append(_select(engine, read, table, files) + f"\nFROM {relation}")
    if not selects:  # a table without rows has no file that could be read
        selects.append(f"{_select(engine, read, table, _NOWHERE)}\nWHERE 1 = 0")
    notes = [(column.view.alias, column_note(engine, column)) for column in table.columns]
    statements += [f"-- {in_comment(alias)}: {note}" for alias, note in notes if note]
    view = f"{engine.identifier(read.schema)}.{engine.identifier(table.view)}"
    body = "\nUNION ALL\n".join(selects)
    return [*statements, f"CREATE OR REPLACE VIEW {view} AS\n{body};"]


def _select(engine: Engine, read: ReadDate, table: ReadTable, files: ReadFiles) -> str:
    listed = [
        f"{view_expression(engine, column, files)} AS {engine.identifier(column.view.alias)}"
        for column in table.columns
    ]
    if table.member_key:
        member = engine.literal(files.member) if files.files else f"CAST(NULL AS {engine.type('varchar')})"
        listed.append(f"{member} AS {engine.identifier(table.member_key)}")
    listed.append(f"{date_literal(read.day)} AS {engine.identifier('snapshot_date')}")
    return "SELECT\n  " + ",\n  ".join(listed)
