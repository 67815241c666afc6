"""All of a date's conversions by Glue: reads the results of ended jobs, and starts as many jobs as Glue has places for.

No run waits here. The record `_jobs/<source>/<export>.runs` (`model/dynamodb/glue_runs.py`) lists the remaining tables, and
`watch.py` finds out when a run of rds-lake is needed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from rds_lake.convert.spark.request import JobResult
from rds_lake.errors import ConversionError, RelocationError, ThrottledError
from rds_lake.model.dynamodb.glue_runs import JobSet, TableJob, merge_jobs, parse_job_set, render_job_set
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.converting.glue.runs import GlueRuns, JobNames, MakeRequest
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.runs.conversion import ConversionProgress, RunKind

_JobError = ConversionError | RelocationError


@dataclass(slots=True, kw_only=True)
class _Looked:
    """The state of the jobs that were started earlier."""

    running: list[str] = field(default_factory=list)
    results: dict[str, JobResult] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    failed: dict[str, _JobError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueConversion:
    """The conversions of one date. `is_done` says whether another run of rds-lake has written its manifest."""

    runs: GlueRuns
    source: str
    snapshot_date: date
    export_task: str
    is_done: Callable[[], bool] = lambda: False

    def finish_and_begin(self, wanted: Mapping[str, MakeRequest], *, run_kind: RunKind) -> ConversionProgress:
        """Reads the results of ended jobs, starts as many others as Glue has places for, and returns the progress of all.

        `wanted`: the tables without a result, each with a function that makes its request. In a run that resumes a date,
        raises one ConversionError or RelocationError for all failed tables, once no other table runs or waits.
        """
        # Recorded before the first start, so that every started job is in the record, even after a crash.
        jobs, is_new = self._record(dict.fromkeys(wanted, TableJob()))
        looked = self._look_at(jobs)
        # The run that finishes the date removes the record. Without this check, its jobs would be started and paid for again.
        if (is_new or looked.failed) and self.is_done():
            self.runs.forget(self.source, self.export_task)
            return ConversionProgress(results={}, done=True)
        known = dict(jobs)
        if run_kind == "by_hand":
            jobs |= {table: TableJob(attempt=jobs[table].attempt + 1) for table in looked.failed}
            looked.failed = {}
        begun, waiting = self._begin(jobs, wanted)
        if begun or jobs != known:
            self._record(jobs | begun)
        running = (*looked.running, *begun)
        if looked.failed and run_kind == "resume" and not (running or waiting):
            raise _together(list(looked.failed.values()))
        return ConversionProgress(
            results=looked.results,
            targets=looked.targets,
            running=running,
            waiting=waiting,
            failed=tuple(looked.failed),
        )

    def _look_at(self, jobs: Mapping[str, TableJob]) -> _Looked:
        looked = _Looked()
        for table, job in jobs.items():
            if not job.run:
                continue
            run = self.runs.look(job.run)
            if run is not None and run.running:
                looked.running.append(table)
                continue
            try:
                result = self.runs.finish(self._names(table, job), run)
                looked.targets[table] = self.runs.target(self._names(table, job))
                looked.results[table] = result
            except (ConversionError, RelocationError) as error:
                self.runs.log(str(error))
                looked.failed[table] = error
        return looked

    def _begin(
        self, jobs: Mapping[str, TableJob], wanted: Mapping[str, MakeRequest]
    ) -> tuple[dict[str, TableJob], tuple[str, ...]]:
        """Returns the jobs started now, and the tables that wait for a place."""
        todo = [table for table, job in jobs.items() if job.run is None]
        begun: dict[str, TableJob] = {}
        for table in todo:
            try:
                run = self.runs.begin(self._names(table, jobs[table]), wanted[table])
            except ThrottledError as error:
                self.runs.log(f"{counted(len(todo) - len(begun), 'table', 'waits', 'wait')}: {error}")
                break
            if run is not None:
                begun[table] = TableJob(attempt=jobs[table].attempt, run=run.id)
        return begun, tuple(table for table in todo if table not in begun)

    def _names(self, table: str, job: TableJob) -> JobNames:
        return JobNames(source=self.source, export_task=self.export_task, table=table, attempt=job.attempt)

    @property
    def _key(self) -> str:
        return self.runs.layout.job_set_key(self.source, self.export_task)

    def _record(self, tables: Mapping[str, TableJob]) -> tuple[dict[str, TableJob], bool]:
        """Adds these to the record of tables that Glue has not converted. Returns its jobs of `tables`, and whether it is new."""
        runs, recorded, is_new = self.runs, dict(tables), False

        def change(text: str | None) -> str:
            nonlocal is_new
            is_new = text is None
            known = {} if text is None else parse_job_set(text, where=runs.layout.uri(self._key)).tables
            recorded.update(merge_jobs(tables, known))
            job_set = JobSet(
                source=self.source, snapshot_date=self.snapshot_date, export_task=self.export_task, tables=recorded
            )
            return render_job_set(job_set)

        change_text(runs.s3, runs.layout.bucket, self._key, change, kms_key=runs.kms_key)
        return recorded, is_new


def _together(errors: list[_JobError]) -> _JobError:
    if len(errors) == 1:
        return errors[0]
    return RelocationError(
        f"Glue did not convert {counted(len(errors), 'table')}; nothing was published:", [str(e) for e in errors]
    )
