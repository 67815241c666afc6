"""`rds-lake status --json`."""

from __future__ import annotations

from rds_lake.console.schemas.parts import (
    COUNT,
    DAY,
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    described,
    many,
    maybe,
    thing,
    top,
)

VERSION = 1
_TABLE = thing({"view": TEXT, "table": described(TEXT, "In the database."), "rows": COUNT, "bytes": COUNT})
_RUN = thing({"run": described(TEXT, "Dagster's id."), "snapshot_date": maybe(TEXT), "at": TIME, "cause": maybe(TEXT)})
_SOURCE = thing({
    "version": {"const": VERSION},
    "source": TEXT,
    "published": maybe(DAY, "The date that the views show; null before the first publication."),
    "shown": maybe(DAY, "The date that the views show, or, if nothing is published, the newest date in the lake."),
    "snapshot_time": maybe(TIME, "The time of the data of `shown`."),
    "age_hours": maybe(NUMBER),
    "stale": described(FLAG, "Whether the data is older than `freshness_hours`, or missing."),
    "dates": described(COUNT, "How many dates the lake has."),
    "waiting": many(DAY, "Dates that wait for approval: rds-lake publish."),
    "unchecked": many(DAY, "Dates in the lake that did not pass their checks."),
    "dropped": described(TEXTS, "Tables that are not in the date: their views were dropped."),
    "rolled_back_from": maybe(DAY),
    "moving": maybe(DAY, "The date that views are being moved to."),
    "export_seconds": maybe(NUMBER),
    "export_usd": maybe(NUMBER),
    "exporting": described(TEXTS, "Export tasks that run."),
    "under_way": many(thing({"table": TEXT, "what": {"enum": ["export", "conversion"]}}), "Tables of DynamoDB."),
    "outboxes": described(TEXTS, "Outboxes of captured changes, a sentence each."),
    "tables": many(_TABLE),
    "failed_runs": many(_RUN, "Of the last seven days, if DAGSTER_HOME is set."),
    "failed_runs_error": maybe(TEXT, "Why failed runs could not be read from Dagster; null if there was no error."),
})  # fmt: skip
SCHEMA = top("What `rds-lake status --json` prints: an array, one object a source", many(_SOURCE))
