"""Watches Glue's conversions: those that have ended, tables that wait for a place, and jobs that take too long.

The run of rds-lake that started the jobs has ended long ago. EventBridge reports the end of every Glue job, and
reconciliation reads the records (`model/dynamodb/glue_runs.py`) of all dates that are not finished, however old:

    all jobs of a date ended                                 -> a run that reads the results and finishes the date
    some ended, and other tables wait for their places       -> a run that reads the results and starts the next jobs
    tables wait, no job of the date runs, Glue has a place   -> a run that starts the next jobs
    a job runs for longer than the time-out                  -> incident "conversion stuck"

The work itself is `conversion.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.dynamodb.glue_run import JobRun
from rds_lake.model.dynamodb.glue_runs import JobSet, parse_job_set
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun

_ENDING = ".runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class DateConversions:
    """The current state of a date's conversions. `runs`: Glue's runs by table, None if Glue no longer has the run."""

    job_set: JobSet
    runs: Mapping[str, JobRun | None]

    @property
    def running(self) -> dict[str, JobRun]:
        """The runs that have not ended, by table."""
        return {table: run for table, run in self.runs.items() if run is not None and run.running}

    @property
    def waiting(self) -> tuple[str, ...]:
        """The tables that wait for one of Glue's places."""
        return tuple(table for table in self.job_set.tables if table not in self.runs)

    @property
    def ended_at(self) -> datetime | None:
        """The time at which the last of the ended runs ended, if Glue gives it."""
        ends = [run.ended_at for run in self.runs.values() if run is not None and run.ended_at and not run.running]
        return max(ends, default=None)

    @property
    def is_due(self) -> bool:
        """Whether a run of Glue has ended, and a run of rds-lake can do something about it."""
        return len(self.runs) > len(self.running) and not (self.running and not self.waiting)

    def wanted(self, *, turn: int | None = None) -> WantedRun:
        """Returns the run of rds-lake to request: the same one for the same ended runs, or another one for every `turn`."""
        ended = sorted(f"{table} {self.job_set.tables[table].run}" for table in self.runs if table not in self.running)
        what = hashlib.sha256("\n".join(ended).encode()).hexdigest()[:12] if turn is None else f"turn {turn}"
        job_set = self.job_set
        return WantedRun(
            key=f"convert:{job_set.export_task}:{what}",
            source=job_set.source,
            snapshot_date=job_set.snapshot_date,
            trigger="convert",
            whole_source=False,
            subject=f"glue:{job_set.export_task}",
            export_task=f"{job_set.export_task}:{what}",
            ended_at=self.ended_at,
        )

    def stuck(self, *, now: datetime, timeout: timedelta) -> list[WantedIncident]:
        """Returns an incident for each run that takes longer than `timeout`."""
        late = {t: run for t, run in self.running.items() if run.started_at and now - run.started_at > timeout}
        hours = timeout.total_seconds() / 3600
        return [
            WantedIncident(
                key=f"stuck:{run.id}",
                source=self.job_set.source,
                what="conversion stuck",
                cause=f"the run {run.id} of the Glue job {run.job}, which converts {table} of {self.job_set.snapshot_date}, is "
                f"{run.state} for more than {hours:g} h",
                next_step=(
                    "Look at its log in CloudWatch (/aws-glue/jobs/error). Stop the run in Glue, then materialize `parquet` "
                    "of the date again, which starts a new run; or raise `export_timeout_hours` in lake.yaml if the table is just big."
                ),
            )
            for table, run in late.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueWatch:
    """The conversions of a lake. `sources`: those that use Glue; `places`: how many runs the job may have at once."""

    jobs: GlueJobs
    s3: S3Gateway
    layout: LakeLayout
    job: str
    places: int
    sources: Collection[str]

    def dates(self, source: str, *, failed: Callable[[Failed], None] | None = None) -> list[DateConversions]:
        """Returns the source's dates with unfinished conversions, oldest first; none for a source that does not use Glue.

        With `failed`, a date that cannot be read is passed to it and the others are returned; without, it raises.
        """
        if source not in self.sources:
            return []
        dates: list[DateConversions] = []
        for item in self.s3.list_objects(self.layout.bucket, self.layout.job_folder(source)):
            if item.key.endswith(_ENDING):
                looked = attempt(lambda key=item.key: self._look(key)) if failed else self._look(item.key)
                if failed and isinstance(looked, Failed):
                    failed(looked)
                elif isinstance(looked, DateConversions):
                    dates.append(looked)
        return sorted(dates, key=lambda date: date.job_set.snapshot_date)

    def date_of(self, run: str) -> DateConversions | None:
        """Returns the date that a run of the job belongs to; None for a run that rds-lake did not start, or of a finished date."""
        job_run = self.jobs.find_run(self.job, run)
        named = self.layout.job_set_of(job_run.request) if job_run is not None and job_run.request else None
        if named is None or named[0] not in self.sources:
            return None
        return self._look(self.layout.job_set_key(*named))

    def has_place(self) -> bool:
        """Whether Glue accepts another run of the job."""
        return sum(run.running for run in self.jobs.newest_runs(self.job)) < self.places

    def _look(self, key: str) -> DateConversions | None:
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            return None
        job_set = parse_job_set(text, where=self.layout.uri(key))
        runs = {table: self.jobs.find_run(self.job, job.run) for table, job in job_set.tables.items() if job.run}
        return DateConversions(job_set=job_set, runs=runs)


def watch_conversions(config: LakeConfig, *, jobs: GlueJobs, s3: S3Gateway, layout: LakeLayout) -> GlueWatch:
    """The lake's conversions by Glue."""
    return GlueWatch(
        jobs=jobs,
        s3=s3,
        layout=layout,
        job=config.lake.glue_job,
        places=config.lake.glue_runs,
        sources=frozenset(source.name for source in config.dynamodb if source.by_glue),
    )
