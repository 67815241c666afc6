"""The record, between Dagster's runs, of the Glue runs that convert the tables of one source and date.

    <prefix>/_jobs/reviews/reviews-2026-11-20-3f9c2d71ab04.runs
    {"version": 1, "source": "reviews", "snapshot_date": "2026-11-20", "export_task": "reviews-2026-11-20-3f9c2d71ab04",
     "tables": {"Reviews": [1, "jr_9b1c…"], "Users": [2, null]}}

It is written before the first run is started, and removed after the date's manifest is written: while it exists, the date is in
progress. If an entry is lost, the run is found by its request.

What belongs here: the record. `stages/dynamodb/converting/glue/runs.py` starts runs, `stages/dynamodb/converting/glue/watch.py`
reads their states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from rds_lake.model.records import read_record, render_record

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableJob:
    """A table's current attempt, counted from 1. `run`: id of the Glue run; None while the table waits for one."""

    attempt: int = 1
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSet:
    """The tables of a date that Glue has not converted yet, by name."""

    source: str
    snapshot_date: date
    export_task: str
    tables: Mapping[str, TableJob]


def merge_jobs(tables: Mapping[str, TableJob], stored: Mapping[str, TableJob]) -> dict[str, TableJob]:
    """Returns these tables, each with the newest job of both records: a later attempt first, and a started run before none."""
    return {name: max(stored.get(name, job), job, key=_place) for name, job in tables.items()}


def _place(job: TableJob) -> tuple[int, bool]:
    return job.attempt, job.run is not None


def render_job_set(jobs: JobSet) -> str:
    """Returns the record as JSON; `parse_job_set` reads it."""
    tables = {name: [job.attempt, job.run] for name, job in sorted(jobs.tables.items())}
    return render_record(asdict(jobs) | {"tables": tables}, version=VERSION)


def parse_job_set(text: str, *, where: str) -> JobSet:
    """Returns the record in `text`. Raises ManifestError, which names the object and what to do."""
    remedy = "delete it and materialize `parquet` of the date again: Glue runs that are running or have ended are found and used"
    return read_record(JobSet, text, where=where, known=(VERSION,), remedy=remedy, shaped=_shape_of_jobs)


def _shape_of_jobs(body: dict[str, Any]) -> dict[str, Any]:
    return body | {
        "tables": {name: {"attempt": attempt, "run": run} for name, (attempt, run) in body["tables"].items()}
    }
