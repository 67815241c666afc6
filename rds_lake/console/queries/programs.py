"""A result of Athena as one JSON object, for programs: `rds-lake query --json`. Its schema is `console/schemas/query.py`."""

from __future__ import annotations

import json
from datetime import date

from rds_lake.aws.athena import QueryResult
from rds_lake.console.queries.answers import as_value
from rds_lake.console.schemas.query import VERSION


def answer_json(source: str, day: date | None, answer: QueryResult) -> str:
    """Returns the whole result, one row a line."""
    rows = [
        json.dumps([as_value(*cell) for cell in zip(row, answer.types, strict=True)], ensure_ascii=False)
        for row in answer.rows
    ]
    body = {
        "version": VERSION,
        "source": source,
        "as_of": None if day is None else day.isoformat(),
        "columns": [{"name": name, "type": kind} for name, kind in zip(answer.columns, answer.types, strict=True)],
        "more": answer.more,
        "output": answer.output,
        "bytes_scanned": answer.bytes_scanned,
        "milliseconds": answer.milliseconds,
    }
    head = json.dumps(body, ensure_ascii=False).removesuffix("}")
    lines = ",\n ".join(rows)
    return f'{head}, "rows": [{lines}]}}'
