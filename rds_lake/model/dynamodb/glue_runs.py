"""The Glue runs that convert the tables of one source and date, as they are remembered between Dagster's runs.

    <prefix>/_jobs/reviews/reviews-2026-11-20-3f9c2d71ab04.runs
    {"version": 1, "source": "reviews", "snapshot_date": "2026-11-20", "export_task": "reviews-2026-11-20-3f9c2d71ab04",
     "tables": {"Reviews": [1, "jr_9b1c…"], "Users": [2, null]}}

It is there from before the first run is started until the date's manifest is written, so that it tells what is under way.
A lost entry costs nothing: the run is found by its request (`stages/dynamodb/converting/glue/runs.py`).

What belongs here: the record. Starting runs is `stages/dynamodb/converting/glue/runs.py`, looking at them
`stages/dynamodb/converting/glue/watch.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from rds_lake.model.lake.records import RECORD_ERRORS, damaged, load_record, value_of

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableJob:
    """A table's present attempt, from 1; `run` is None while it waits for a place."""

    attempt: int = 1
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSet:
    """The tables of a date that Glue has not converted yet, by name."""

    source: str
    snapshot_date: date
    export_task: str
    tables: Mapping[str, TableJob]


def merge_jobs(mine: Mapping[str, TableJob], theirs: Mapping[str, TableJob]) -> dict[str, TableJob]:
    """The newest of what two runs know of the tables of `mine`: a later attempt before an earlier, a run before none."""
    found = {name: theirs.get(name, job) for name, job in mine.items()}
    return {name: mine[name] if _place(mine[name]) > _place(job) else job for name, job in found.items()}


def _place(job: TableJob) -> tuple[int, bool]:
    return job.attempt, job.run is not None


def render_job_set(found: JobSet) -> str:
    """The record as JSON; `parse_job_set` is its exact inverse."""
    body = {
        "version": VERSION,
        "source": found.source,
        "snapshot_date": found.snapshot_date.isoformat(),
        "export_task": found.export_task,
        "tables": {name: [job.attempt, job.run] for name, job in sorted(found.tables.items())},
    }
    return json.dumps(body, indent=1)


def parse_job_set(text: str, *, where: str) -> JobSet:
    """The record in `text`; ManifestError names the object and what to do."""
    remedy = "delete it and materialize `parquet` of the date again: runs of Glue that go on or have ended are found and used"
    body = load_record(text, where=where, known=(VERSION,), remedy=remedy)
    try:
        tables = {
            name: TableJob(attempt=value_of(int, attempt), run=None if run is None else value_of(str, run))
            for name, (attempt, run) in body["tables"].items()
        }
        return JobSet(
            source=value_of(str, body["source"]),
            snapshot_date=value_of(date, body["snapshot_date"]),
            export_task=value_of(str, body["export_task"]),
            tables=tables,
        )
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error
