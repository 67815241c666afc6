"""Watch Glue's conversions: whose runs have ended, who waits for a place, what takes too long.

The run of ours that began them has ended long ago. EventBridge tells the end of every run of Glue, and reconciliation
looks at the records (`model/dynamodb/glue_runs.py`) of all dates that are not finished, however old:

    all runs of a date ended                           -> a run that reads the results, and all that comes after
    some ended, and other tables wait for their places -> the same: it begins the next ones
    tables wait, nothing of the date runs, and Glue has a place -> the same
    a run older than the time-out                      -> incident "conversion stuck"

What belongs here: looking, and what follows. Carrying it out is `glue_convert.py`.
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
from rds_lake.stages.runs.apart import Failed, attempt
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun

_ENDING = ".runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class DateOfRuns:
    """A date's conversions as they are now. `runs`: by table, None where Glue has forgotten the run."""

    job_set: JobSet
    runs: Mapping[str, JobRun | None]

    @property
    def running(self) -> dict[str, JobRun]:
        """The runs that go on, by table."""
        return {table: run for table, run in self.runs.items() if run is not None and run.running}

    @property
    def waiting(self) -> tuple[str, ...]:
        """The tables that wait for a place."""
        return tuple(table for table in self.job_set.tables if table not in self.runs)

    @property
    def ended_at(self) -> datetime | None:
        """When the last of those that ended did, where Glue says so."""
        ends = [run.ended_at for run in self.runs.values() if run is not None and run.ended_at and not run.running]
        return max(ends, default=None)

    @property
    def is_due(self) -> bool:
        """Whether something has ended, and a run of ours has something to do about it."""
        return len(self.runs) > len(self.running) and not (self.running and not self.waiting)

    def wanted(self, *, turn: int | None = None) -> WantedRun:
        """The run that goes on: one per set of ended runs, or with `turn` another one every time."""
        ended = sorted(f"{table} {self.job_set.tables[table].run}" for table in self.runs if table not in self.running)
        what = hashlib.sha256("\n".join(ended).encode()).hexdigest()[:12] if turn is None else f"turn {turn}"
        found = self.job_set
        return WantedRun(
            key=f"convert:{found.export_task}:{what}",
            source=found.source,
            snapshot_date=found.snapshot_date,
            trigger="convert",
            whole_source=False,
            subject=f"glue:{found.export_task}",
            export_task=f"{found.export_task}:{what}",
            ended_at=self.ended_at,
        )

    def stuck(self, *, now: datetime, timeout: timedelta) -> list[WantedIncident]:
        """An incident per run that takes longer than `timeout`."""
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
                    "Look at its log in CloudWatch (/aws-glue/jobs/error). Stop it there, then materialize `parquet` of the date "
                    "again: it starts a new run; or raise `export_timeout_hours` in lake.yaml when the table is just big."
                ),
            )
            for table, run in late.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkWatch:
    """The conversions of a lake. `sources`: those that Glue may convert for; `places`: how many runs the job may have."""

    jobs: GlueJobs
    s3: S3Gateway
    layout: LakeLayout
    job: str
    places: int
    sources: Collection[str]

    def dates(self, source: str, *, failed: Callable[[Failed], None] | None = None) -> list[DateOfRuns]:
        """The source's dates that Glue has not converted wholly, oldest first; none for sources that do without it.

        A date that cannot be looked at is told to `failed`, and the others are returned; without it, it raises.
        """
        if source not in self.sources:
            return []
        found: list[DateOfRuns] = []
        for item in self.s3.list_objects(self.layout.bucket, self.layout.job_folder(source)):
            if item.key.endswith(_ENDING):
                one = attempt(lambda key=item.key: self._look(key)) if failed else self._look(item.key)
                if failed and isinstance(one, Failed):
                    failed(one)
                elif isinstance(one, DateOfRuns):
                    found.append(one)
        return sorted(found, key=lambda one: one.job_set.snapshot_date)

    def date_of(self, run: str) -> DateOfRuns | None:
        """The date that a run of the job converts for; None for a run that is none of ours, or of a finished date."""
        found = self.jobs.find_run(self.job, run)
        named = self.layout.job_set_of(found.request) if found is not None and found.request else None
        if named is None or named[0] not in self.sources:
            return None
        return self._look(self.layout.job_set_key(*named))

    def has_place(self) -> bool:
        """Whether Glue takes another run of the job."""
        return sum(run.running for run in self.jobs.newest_runs(self.job)) < self.places

    def _look(self, key: str) -> DateOfRuns | None:
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            return None
        job_set = parse_job_set(text, where=self.layout.uri(key))
        runs = {table: self.jobs.find_run(self.job, job.run) for table, job in job_set.tables.items() if job.run}
        return DateOfRuns(job_set=job_set, runs=runs)


def watch_conversions(config: LakeConfig, *, jobs: GlueJobs, s3: S3Gateway, layout: LakeLayout) -> SparkWatch:
    """The lake's conversions by Glue."""
    return SparkWatch(
        jobs=jobs,
        s3=s3,
        layout=layout,
        job=config.lake.glue_job,
        places=config.lake.glue_runs,
        sources=frozenset(source.name for source in config.dynamodb if source.by_glue),
    )
