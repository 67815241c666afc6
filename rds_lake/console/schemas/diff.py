"""`rds-lake diff --json`: of one table, or of a source with `--summary`."""

from __future__ import annotations

from rds_lake.console.schemas.parts import COUNT, DAY, NUMBER, TEXT, TEXTS, described, many, maybe, named, thing, top

VERSION = 1
_CELLS = {"type": ["object", "null"], "additionalProperties": maybe(TEXT)}
_ROW = thing({
    "kind": {"enum": ["added", "removed", "changed"]},
    "key": named(maybe(TEXT)),
    "before": described(_CELLS, "Columns and values, as Athena shows them; null of an added row."),
    "after": described(_CELLS, "Columns and values at the later date; null of a removed row."),
    "times": described(COUNT, "How often the row was added or removed; more than 1 without a key."),
})  # fmt: skip
_TABLE = {
    "source": TEXT,
    "view": TEXT,
    "before": DAY,
    "after": DAY,
    "keys": TEXTS,
    "rows_before": COUNT,
    "rows_after": COUNT,
    "added": COUNT,
    "removed": COUNT,
    "changed": maybe(COUNT, "Null without a key: whole rows were compared."),
    "same": COUNT,
    "by_column": named(COUNT, "In how many rows each column changed."),
    "schema": thing({
        "added": TEXTS,
        "dropped": TEXTS,
        "retyped": named({"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}),
        "not_compared": named(TEXT, "Columns, and why."),
    }),
    "rows": many(_ROW),
    "bytes_scanned": COUNT,
    "usd": NUMBER,
}  # fmt: skip
_VERSION = {"version": {"const": VERSION}}
_SOURCE = {
    "source": TEXT,
    "before": DAY,
    "after": DAY,
    "tables": many(thing(_TABLE)),
    "only_before": TEXTS,
    "only_after": TEXTS,
    "problems": named(TEXT, "Views that could not be compared, and why."),
    "bytes_scanned": COUNT,
    "usd": NUMBER,
}
SCHEMA = top(
    "What `rds-lake diff --json` prints: of one table, or of a source with --summary",
    {"oneOf": [thing(_VERSION | _TABLE), thing(_VERSION | _SOURCE)]},
)
