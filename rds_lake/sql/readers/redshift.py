"""Redshift Spectrum: an external schema over Glue, and late-binding views with the casts of `sql/warehouse/columns.py`.

Facts: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_SCHEMA.html,
https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html,
https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html
"""

from __future__ import annotations

from rds_lake.model.tables.nested_types import is_nested
from rds_lake.sql.quoting import date_literal, identifier, qualified, redshift_literal
from rds_lake.sql.readers.engine import MICROSECONDS
from rds_lake.sql.readers.tables import ReadColumn, ReadDate, ReadTable
from rds_lake.sql.warehouse.columns import LONGEST, missing_column, warehouse_column

TITLE = "Redshift Spectrum"


def render(read: ReadDate) -> list[str]:
    """Statements and comments, in order."""
    return [
        "-- The role of the cluster or workgroup may read Glue and the lake (rds-lake policy --for readers); default is the one",
        "-- that is set as default there. A text of more than 65,535 bytes fails the query, and is never cut.",
        f"CREATE EXTERNAL SCHEMA IF NOT EXISTS {identifier(_external(read))}\nFROM DATA CATALOG DATABASE "
        f"{redshift_literal(read.database)} REGION {redshift_literal(read.region)}\nIAM_ROLE default;",
        f"CREATE SCHEMA IF NOT EXISTS {identifier(read.schema)};",
        *(_view(read, table) for table in read.tables),
    ]


def _external(read: ReadDate) -> str:
    return f"rds_lake_{read.database}"


def _view(read: ReadDate, table: ReadTable) -> str:
    comments: list[str] = []
    listed: list[str] = []
    for column in table.columns:
        alias, kind = column.view.alias, column.view.presto_type
        note = _note(column)
        if note:
            comments.append(f"-- {alias}: {note}")
        if not is_nested(column.raw.hive_type):
            listed.append(f"{_expression(column, alias, kind)} AS {identifier(alias)}")
    if table.member_key:
        listed.append(identifier(table.member_key))
    listed.append(f"{date_literal(read.day)} AS {identifier('snapshot_date')}")
    columns = ",\n  ".join(listed)
    return "\n".join([
        *comments,
        f"CREATE OR REPLACE VIEW {qualified(read.schema, table.view)} AS\nSELECT\n  {columns}\n"
        f"FROM {qualified(_external(read), table.raw)}\n"
        f"WHERE {identifier(table.partition_key)} = {redshift_literal(read.day.isoformat())}\nWITH NO SCHEMA BINDING;",
    ])  # fmt: skip


def _expression(column: ReadColumn, alias: str, kind: str) -> str:
    if not column.present:
        return missing_column(alias, kind, column.raw.hive_type).expression
    return warehouse_column(column.raw, alias, kind).expression


def _note(column: ReadColumn) -> str:
    """Returns how the column differs from Athena's; empty if it does not."""
    kind = column.view.presto_type
    if is_nested(column.raw.hive_type):
        return (
            "left out, since Spectrum cannot select a column that has fields; select its fields from the external table"
        )
    if kind.startswith("array("):
        return "PostgreSQL's own text of the array: Redshift has no arrays of text"
    if kind.startswith("timestamp"):
        return MICROSECONDS
    if kind == "varbinary":
        return "bytes beyond 64,000 cannot be read"
    if kind == "varchar" and column.raw.hive_type != "string":
        return "written in Redshift's own form" if column.raw.hive_type != "binary" else ""
    return f"at most {LONGEST:,} bytes" if kind == "varchar" and not column.raw.char_max_length else ""
