"""Checks that COPY can load the columns of a Parquet file into the columns of a table.

The types must match: COPY converts only values that the column's precision can hold.
(https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.spectrum.columns import reads, shown_column


def check_types(url: str, schema: Any, arrow: pa.Schema, columns: Sequence[Column], *, to_json: bool) -> None:
    """StatementFailedError for a column of another physical type. `schema`, `arrow`: the file's schema of Parquet and of Arrow."""
    physical = {schema.column(number).path: schema.column(number) for number in range(len(schema))}
    for field, column in zip(arrow, columns, strict=True):
        stored = physical.get(field.name)
        if stored is None:
            if column.kind.word != "super":
                raise StatementFailedError(
                    f"The column {field.name} of {url} is nested, and {column.name} is not SUPER"
                )
            if not to_json:
                raise StatementFailedError(
                    f"Cannot load the nested column {field.name} of {url} without SERIALIZETOJSON"
                )
        elif not reads(column.kind, stored):
            raise StatementFailedError(
                f"Spectrum Scan Error. File '{url}' has an incompatible Parquet schema for column '{url}.{field.name}'. "
                f"Column type: {str(column.kind).upper()}, Parquet schema: {shown_column(stored)}"
            )


def with_json(table: pa.Table) -> pa.Table:
    """Returns the table with its nested columns as JSON text."""
    for number, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [
                None if each is None else _text(each)
                for each in table.column(number).to_pylist(maps_as_pydicts="lossy")
            ]
            table = table.set_column(number, field.name, pa.array(texts, pa.string()).cast(pa.json_()))
    return table


def _text(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
