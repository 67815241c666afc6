"""`rds-lake query --json`."""

from __future__ import annotations

from rds_lake.console.schemas.parts import COUNT, DAY, FLAG, TEXT, described, many, maybe, thing, top

VERSION = 1
_VALUE = {"type": ["string", "number", "boolean", "null"]}
SCHEMA = top(
    "What `rds-lake query --json` prints",
    thing({
        "version": {"const": VERSION},
        "source": TEXT,
        "as_of": maybe(DAY),
        "columns": many(thing({"name": TEXT, "type": described(TEXT, "Athena's.")}), "A name may occur twice."),
        "rows": many(
            many(_VALUE),
            "Values in the order of `columns`: whole numbers, finite doubles and booleans as JSON values, everything else as text.",
        ),
        "more": described(FLAG, "Whether there are more rows than --rows allows."),
        "output": described(TEXT, "Where Athena keeps the whole answer."),
        "bytes_scanned": COUNT,
        "milliseconds": COUNT,
    }),
)  # fmt: skip
