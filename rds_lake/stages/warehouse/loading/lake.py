"""The order of a load from the lake: columns as the view has them, read by Spectrum or by COPY."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

from rds_lake.model.tables.names import PARTITION_KEY
from rds_lake.model.tables.nested_types import is_nested
from rds_lake.model.warehouse.lake_rows import LakeRows, ViewedColumn
from rds_lake.model.warehouse.orders import LoadOrder
from rds_lake.model.warehouse.plan import Load, LoadBy
from rds_lake.sql.quoting import identifier
from rds_lake.sql.warehouse.columns import WarehouseColumn, file_type, missing_column, warehouse_column
from rds_lake.sql.warehouse.loading import (
    MOST_COLUMNS,
    Expected,
    ExternalPartition,
    NewTable,
    date_column,
    render_copy_load,
    render_spectrum_load,
)


def lake_order(
    load: Load, rows: LakeRows, new: str, *, day: date, manifest: str, role: str
) -> tuple[LoadOrder, tuple[str, ...]]:
    """Returns the order and its problems. What Spectrum cannot read is loaded by COPY, with a note."""
    by_copy = load.by is LoadBy.COPY or bool(rows.spectrum)
    wrong = (f"COPY cannot load it: {rows.copy}; set `load: spectrum`",) if by_copy and rows.copy else ()
    if by_copy and rows.copy and rows.spectrum:
        wrong = (f"neither Spectrum ({rows.spectrum}) nor COPY ({rows.copy}) can load it; remove the load",)
    notes = (f"loaded by COPY, since Spectrum {rows.spectrum}",) if by_copy and load.by is LoadBy.SPECTRUM else ()
    expected = Expected(rows=rows.rows, bytes=rows.bytes, files=len(rows.files))
    columns = [_column(column) for column in rows.columns]
    if rows.member_key:
        columns.append(
            WarehouseColumn(name=rows.member_key, type="varchar(1024)", expression=identifier(rows.member_key))
        )
    if len(columns) < MOST_COLUMNS and all(column.name != PARTITION_KEY for column in columns):
        columns.append(date_column(PARTITION_KEY, day))
    table = NewTable(name=load.name.lower(), beside=new, columns=columns)
    if by_copy:
        stage = [(column.name.lower(), file_type(column.hive_type)) for column in rows.file_columns]
        nested = any(is_nested(column.hive_type) for column in rows.file_columns)
        order = render_copy_load(table, stage, manifest=manifest, role=role, expected=expected, nested=nested)
    else:
        order = render_spectrum_load(table, _partition(rows), role=role, expected=expected)
    return replace(order, notes=notes), wrong


def _partition(rows: LakeRows) -> ExternalPartition:
    key, value = rows.where
    schema = external_schema(rows.database)
    return ExternalPartition(schema=schema, database=rows.database, raw=rows.raw, key=key, value=value)


def external_schema(database: str) -> str:
    """Returns the name of Redshift's external schema for a Glue database, which no user gives to another object."""
    return f"rds_lake_{hashlib.sha256(database.encode()).hexdigest()[:12]}"


def _column(viewed: ViewedColumn) -> WarehouseColumn:
    if viewed.column is None:
        return missing_column(viewed.name, viewed.presto_type, viewed.hive_type)
    return warehouse_column(viewed.column, viewed.name, viewed.presto_type)
