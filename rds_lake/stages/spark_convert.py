"""Convert by Spark: tables that outgrow a machine become jobs of AWS Glue.

    begin   the job's files and the request go to S3, a run is started: or one that runs already is adopted
    look    running, or ended with a result
    finish  the result is read; what the job found wrong with the input is raised as the local engine would

A run is known by its request, whose key holds source, date, export and table: asking twice starts one run. Only
`SparkConversions` waits.

What belongs here: one table's conversion as a job run. When to ask is the caller's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.s3 import S3Gateway
from rds_lake.convert.job_request import JobRequest, JobResult, parse_result, render_request
from rds_lake.convert.spark_bundle import RULES_NAME, SCRIPT_NAME, build_bundle
from rds_lake.errors import ExportTimeoutError, RdsLakeError, RelocationError, ThrottledError
from rds_lake.model.job_run import REQUEST, JobRun
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.export import Waiting

MakeRequest = Callable[[str], JobRequest]
_MISSING_RESULT = "ended without a result"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNames:
    """What identifies a table's conversion."""

    source: str
    day: str
    export_task: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkJobs:
    """Conversions as runs of the job `job`."""

    jobs: GlueJobs
    s3: S3Gateway
    layout: LakeLayout
    job: str
    kms_key: str | None
    log: Callable[[str], None]

    def running(self) -> dict[str, JobRun]:
        """The job's runs that may still write, by the URI of their request."""
        return {run.request: run for run in self.jobs.list_runs(self.job) if run.running and run.request}

    def begin(self, names: JobNames, make: MakeRequest, running: Mapping[str, JobRun]) -> JobRun | None:
        """The run that converts the table: one that runs, or a new one; None if there is a result already.

        `make` gives the request for the URI the result has to have. Raises ThrottledError if Glue has no place now.
        """
        uri = self.layout.uri(self._request_key(names))
        if (run := running.get(uri)) is not None:
            self.log(f"{names.table}: adopted the run {run.id} of {self.job}, which is {run.state}")
            return run
        if self.s3.find_text(self.layout.bucket, self._result_key(names)) is not None:
            return None
        request = render_request(make(self.layout.uri(self._result_key(names))))
        self.s3.put_text(self.layout.bucket, self._request_key(names), request, kms_key=self.kms_key)
        started = self.jobs.start(self.job, self._ship() | {REQUEST: uri})
        self.log(f"{names.table}: started the run {started} of {self.job}")
        return self.jobs.get_run(self.job, started)

    def look(self, run: JobRun) -> JobRun:
        """The run as it is now."""
        return self.jobs.get_run(self.job, run.id)

    def finish(self, names: JobNames, run: JobRun | None) -> JobResult:
        """What the ended run made. Raises ConversionError for bad input, RelocationError for a run that died."""
        key = self._result_key(names)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            why = f"{run.state}: {run.error or _MISSING_RESULT}" if run else _MISSING_RESULT
            raise RelocationError(
                f"{names.table}: the run {run.id if run else ''} of the Glue job {self.job} {why}; nothing was published. Read "
                "its log in CloudWatch (/aws-glue/jobs/error), then materialize `parquet` again: it starts a new run"
            )
        try:
            return parse_result(text, where=self.layout.uri(key))
        except RdsLakeError:
            self.forget(names)  # the next attempt must not find the answer to this one
            raise

    def forget(self, names: JobNames) -> None:
        """Remove request and result: they are used."""
        self.s3.delete(self.layout.bucket, [self._result_key(names), self._request_key(names)])

    def _ship(self) -> dict[str, str]:
        """The job's files in S3, those of this release; Glue runs them instead of what the job was created with."""
        bundle = build_bundle()
        found = {"--scriptLocation": (SCRIPT_NAME, bundle.script), "--extra-py-files": (RULES_NAME, bundle.rules)}
        arguments: dict[str, str] = {}
        for argument, (name, body) in found.items():
            key = self.layout.job_file_key(bundle.digest, name)
            if self.s3.find_head(self.layout.bucket, key) is None:
                self.s3.put_bytes(self.layout.bucket, key, body, kms_key=self.kms_key)
            arguments[argument] = self.layout.uri(key)
        return arguments

    def _request_key(self, names: JobNames) -> str:
        return self.layout.job_key(names.source, _slug(names), "request")

    def _result_key(self, names: JobNames) -> str:
        return self.layout.job_key(names.source, _slug(names), "result")


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkConversions:
    """Many tables' runs, as many at once as Glue has places for. This is what holds a worker, and nothing else does."""

    spark: SparkJobs
    waiting: Waiting

    def run_all(self, wanted: Mapping[JobNames, MakeRequest]) -> Iterator[tuple[JobNames, JobResult]]:
        """Each table's result as its run ends. Raises what `finish` raises, and ExportTimeoutError; runs go on then."""
        waiting, deadline = self.waiting, self.waiting.clock() + self.waiting.timeout_seconds
        left, runs, adoptable = dict(wanted), dict[JobNames, JobRun | None](), self.spark.running()
        while left or runs:
            self._begin(left, runs, adoptable)
            for names, run in list(runs.items()):
                seen = self.spark.look(run) if run else None
                if seen is None or not seen.running:
                    del runs[names]
                    yield names, self.spark.finish(names, seen)
            if not (left or runs):
                return
            if waiting.clock() > deadline:
                tables = ", ".join(sorted(names.table for names in [*runs, *left]))
                raise ExportTimeoutError(f"the Glue job {self.spark.job} did not end in time for {tables}; its runs go on "
                                         "and are adopted when `parquet` is materialized again")  # fmt: skip
            waiting.sleep(waiting.poll_seconds)

    def _begin(
        self,
        left: dict[JobNames, MakeRequest],
        runs: dict[JobNames, JobRun | None],
        adoptable: Mapping[str, JobRun],
    ) -> None:
        for names in list(left):
            try:
                runs[names] = self.spark.begin(names, left[names], adoptable)
            except ThrottledError as error:
                self.spark.log(f"{len(left)} tables wait: {error}")
                return
            del left[names]


def _slug(names: JobNames) -> str:
    """`2026-11-20-Users-3f9c2d71ab04`: tables' names are legal in keys, and an export has one place only."""
    digest = hashlib.sha256(names.export_task.encode()).hexdigest()[:12]
    return f"{names.day}-{names.table}-{digest}"
