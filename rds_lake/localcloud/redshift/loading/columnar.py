"""Which columns of a Parquet file COPY puts into which columns of a table.

Types have to be alike: COPY casts nothing but what a column's precision holds.
(https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.spectrum.columns import reads, shown_column


def check_types(url: str, schema: Any, arrow: pa.Schema, columns: Sequence[Column]) -> None:
    """StatementFailedError for a column of another physical type. `schema`: Parquet's, `arrow`: as Arrow has it."""
    physical = {schema.column(number).path: schema.column(number) for number in range(len(schema))}
    for field, column in zip(arrow, columns, strict=True):
        there = physical.get(field.name)
        if there is None:
            raise not_here(f"COPY of the nested column {field.name} is not there (SUPER)")
        if not reads(column.kind, there):
            raise StatementFailedError(
                f"Spectrum Scan Error. File '{url}' has an incompatible Parquet schema for column '{url}.{field.name}'. "
                f"Column type: {str(column.kind).upper()}, Parquet schema: {shown_column(there)}"
            )
