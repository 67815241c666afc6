"""Results in the Data API's form: records or CSV, page by page.

(https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_GetStatementResult.html)
"""

from __future__ import annotations

import csv
import io
from typing import Any

from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.redshift.engine.results import Result
from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.engine.values import csv_text, field

Json = dict[str, Any]
_DIGITS = {"int2": 5, "int4": 10, "int8": 19, "float4": 8, "float8": 17, "bool": 1, "date": 13, "timestamp": 29, "timestamptz": 35,
           "time": 15}  # fmt: skip
_SIGNED = ("int2", "int4", "int8", "float4", "float8", "numeric")


def metadata(column: Column, *, schema: str = "", table: str = "") -> Json:
    """Returns one ColumnMetadata."""
    kind = column.kind
    size = kind.size if kind.is_text or kind.word == "numeric" else _DIGITS.get(kind.short, 0)
    return {
        "isCaseSensitive": kind.is_text, "isCurrency": False, "isSigned": kind.short in _SIGNED, "label": column.name,
        "length": kind.size if kind.is_text else 0, "name": column.name, "nullable": int(column.nullable), "precision": size,
        "scale": kind.scale, "schemaName": schema, "tableName": table, "typeName": kind.short,
        **({"columnDefault": column.default} if column.default is not None else {}),
    }  # fmt: skip


def page(result: Result, token: str | None, rows: int) -> tuple[list[tuple[Any, ...]], str | None]:
    """Returns the rows of a page, and the token of the next page."""
    if token is not None and not token.isdigit():
        raise ApiError("ValidationException", "NextToken is not valid.")
    begin = int(token or 0)
    end = begin + rows
    return list(result.values[begin:end]), str(end) if end < len(result.values) else None


def records(rows: list[tuple[Any, ...]]) -> list[list[Json]]:
    """Returns the records of GetStatementResult."""
    return [[field(value) for value in row] for row in rows]


def csv_records(result: Result, rows: list[tuple[Any, ...]], *, first: bool) -> list[Json]:
    """Returns the records of GetStatementResultV2: one text; the first page begins with the columns' names."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if first:
        writer.writerow([column.name for column in result.columns or ()])
    for row in rows:
        writer.writerow([csv_text(value) for value in row])
    return [{"CSVRecords": out.getvalue()}]


def size(result: Result) -> int:
    """Returns the bytes of a result: -1 if there is none."""
    if result.columns is None:
        return -1
    return sum(len(csv_text(value).encode()) for row in result.values for value in row)
