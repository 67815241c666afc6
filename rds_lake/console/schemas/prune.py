"""`rds-lake prune --json`."""

from __future__ import annotations

from rds_lake.console.schemas.parts import COUNT, DAY, FLAG, NUMBER, TEXT, TEXTS, described, many, maybe, thing, top

VERSION = 1
_ITEM = thing({
    "what": described(TEXT, "`date`, or the kind of leftover."),
    "where": described(TEXT, "The date, or a place in S3 or Glue."),
    "bytes": COUNT,
    "age_days": maybe(NUMBER),
    "why": TEXT,
    "fate": {
        "enum": ["removable", "removed", "stays"],
        "description": "removable: --apply would remove it. stays: you decide about it, or it is in use now.",
    },
})  # fmt: skip
_SOURCE = thing({
    "source": TEXT,
    "has_retention": described(FLAG, "Whether lake.yaml has a `retention:` for it."),
    "kept": many(thing({"date": DAY, "why": TEXT}), "Dates that are kept."),
    "items": many(_ITEM),
    "problems": described(TEXTS, "What could not be checked, and is therefore kept."),
})  # fmt: skip
SCHEMA = top(
    "What `rds-lake prune --json` prints",
    thing({
        "version": {"const": VERSION},
        "applied": described(FLAG, "Whether --apply was given."),
        "removable_bytes": described(COUNT, "By the plan."),
        "removed_bytes": COUNT,
        "sources": many(_SOURCE),
    }),
)  # fmt: skip
