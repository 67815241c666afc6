"""The differences of two dates for programs: JSON of version 1, or CSV with a line for every row and column.

docs/diff.md describes both. Values are texts, as Athena shows them, so that no reader rounds them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from rds_lake.console.schemas.diff import VERSION
from rds_lake.model.athena_price import athena_usd
from rds_lake.stages.diff.result import TableDiff
from rds_lake.stages.diff.source import SourceDiff


def table_json(diff: TableDiff) -> str:
    """Returns the JSON object of one table."""
    return _text({"version": VERSION, **_table(diff)})


def source_json(diff: SourceDiff) -> str:
    """Returns a JSON object with the tables of both dates, and the status of tables that were not compared."""
    return _text({
        "version": VERSION,
        "source": diff.source,
        "before": diff.before.isoformat(),
        "after": diff.after.isoformat(),
        "tables": [_table(table) for table in diff.tables],
        "only_before": list(diff.only_before),
        "only_after": list(diff.only_after),
        "problems": dict(diff.problems),
        "bytes_scanned": diff.bytes_scanned,
        "usd": round(athena_usd(diff.bytes_scanned, len(diff.tables)), 6),
    })  # fmt: skip


def table_csv(diff: TableDiff) -> str:
    """Returns a header, then a line per row and column: kind, the key, column, before, after. NULL is an empty field."""
    lines: list[Sequence[str | None]] = [["kind", *diff.keys, "row", "column", "before", "after"]]
    for number, row in enumerate(diff.rows, 1):
        before, after = row.before or {}, row.after or {}
        key = [row.key[name] for name in diff.keys]
        lines += [
            [row.kind, *key, str(number), name, before.get(name), after.get(name)] for name in {**before, **after}
        ]
    return _csv(lines)


def source_csv(diff: SourceDiff) -> str:
    """Returns a header, then a line for each table of both dates."""
    header = ["view", "keys", "rows_before", "rows_after", "added", "removed", "changed", "same"]
    return _csv([header, *(_summary(table) for table in diff.tables)])


def _summary(table: TableDiff) -> list[str | None]:
    numbers = (table.rows_before, table.rows_after, table.added, table.removed)
    changed = str(table.changed) if table.keys else None
    return [table.view, " ".join(table.keys), *map(str, numbers), changed, str(table.same)]


def _table(diff: TableDiff) -> dict[str, Any]:
    schema = diff.schema
    return {
        "source": diff.source,
        "view": diff.view,
        "before": diff.before.isoformat(),
        "after": diff.after.isoformat(),
        "keys": list(diff.keys),
        "rows_before": diff.rows_before,
        "rows_after": diff.rows_after,
        "added": diff.added,
        "removed": diff.removed,
        "changed": diff.changed if diff.keys else None,
        "same": diff.same,
        "by_column": dict(diff.by_column),
        "schema": {
            "added": list(schema.added),
            "dropped": list(schema.dropped),
            "retyped": {name: list(types) for name, types in schema.retyped.items()},
            "not_compared": dict(schema.not_compared),
        },
        "rows": [
            {"kind": row.kind, "key": dict(row.key), "before": row.before, "after": row.after, "times": row.times}
            for row in diff.rows
        ],
        "bytes_scanned": diff.bytes_scanned,
        "usd": round(athena_usd(diff.bytes_scanned), 6),
    }


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _csv(lines: Iterable[Sequence[str | None]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["" if cell is None else cell for cell in line] for line in lines])
    return out.getvalue()
