"""Runs of the Glue job, one per table and attempt: started, adopted, and their results read.

A run is known by its request, an object in S3 whose key holds source, date, export, attempt and table. The request is
created, never overwritten: where two runs of rds-lake begin a table at once, one starts the run of Glue and the other
finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.convert.spark.bundle import RULES_NAME, SCRIPT_NAME, build_bundle
from rds_lake.convert.spark.request import JobRequest, JobResult, parse_request, parse_result, render_request
from rds_lake.errors import AwsError, ConflictError, RelocationError, ThrottledError
from rds_lake.model.dynamodb.glue_run import REQUEST, JobRun
from rds_lake.model.lake.layout import LakeLayout

MakeRequest = Callable[[str], JobRequest]  # is called with the URI that the result has to have
_MISSING_RESULT = "ended without a result"
# A run of rds-lake starts the job seconds after it created the request. If it has not by then, it died.
_BEGINNING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNames:
    """What identifies one attempt at a table's conversion. Attempts count from 1."""

    source: str
    export_task: str
    table: str
    attempt: int = 1

    @property
    def slug(self) -> str:
        """`reviews-2026-11-20-3f9c2d71ab04.1.Users`; the export's name holds source and date."""
        return f"{self.export_task}.{self.attempt}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueRuns:
    """The runs of the Glue job called `job`."""

    jobs: GlueJobs
    s3: S3Gateway
    layout: LakeLayout
    job: str
    kms_key: str | None
    log: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def begin(self, names: JobNames, make: MakeRequest) -> JobRun | None:
        """Starts or adopts the run that converts the table; None while another run of rds-lake is about to start it.

        Raises ThrottledError if Glue has no place for it now.
        """
        request = render_request(make(self.layout.uri(self._result_key(names))))
        key = self._request_key(names)
        if not self._create(key, request, etag=None):
            adopted = self._adopt(names, key)
            if adopted is not None or not self._take_over(key):
                return adopted
        try:
            run_id = self.jobs.start(self.job, self._ship() | {REQUEST: self.layout.uri(key)})
        except (ThrottledError, AwsError):
            # Glue refused it, so nothing was started. After any other error a run may have been started: the request stays.
            self.s3.delete(self.layout.bucket, [key])
            raise
        self.log(f"{names.table}: started the run {run_id} of {self.job}")
        return self.jobs.find_run(self.job, run_id)

    def look(self, run: str) -> JobRun | None:
        """Returns the current state of the run with this id; None if Glue no longer has it."""
        return self.jobs.find_run(self.job, run)

    def finish(self, names: JobNames, run: JobRun | None) -> JobResult:
        """Returns the result of an ended run. Raises ConversionError for bad input, RelocationError for a run that died."""
        key = self._result_key(names)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            why = f"{run.state}: {run.error or _MISSING_RESULT}" if run else _MISSING_RESULT
            raise RelocationError(
                f"{names.table}: the run {run.id if run else ''} of the Glue job {self.job} {why}; nothing was published. Read "
                "its log in CloudWatch (/aws-glue/jobs/error), then materialize `parquet` again: it starts a new run"
            )
        return parse_result(text, where=self.layout.uri(key))

    def target(self, names: JobNames) -> str:
        """Returns the URI of the run's output folder. RelocationError if its request no longer exists."""
        key = self._request_key(names)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            raise RelocationError(f"{names.table}: {self.layout.uri(key)} is missing; materialize `parquet` again")
        return parse_request(text).target

    def forget(self, source: str, export_task: str) -> None:
        """Removes requests, results and the record of the date's runs, which are not needed once it has its manifest."""
        folder = f"{self.layout.job_folder(source)}{export_task}."
        self.s3.delete(self.layout.bucket, [item.key for item in self.s3.list_objects(self.layout.bucket, folder)])

    def _create(self, key: str, text: str, *, etag: str | None) -> bool:
        try:
            self.s3.replace_text(self.layout.bucket, key, text, etag=etag, kms_key=self.kms_key)
        except ConflictError:
            return False
        return True

    def _adopt(self, names: JobNames, key: str) -> JobRun | None:
        """Returns the run that was started for this request: one that still runs, otherwise the newest."""
        uri = self.layout.uri(key)
        runs = [run for run in self.jobs.list_runs(self.job) if run.request == uri]
        adopted = next((run for run in runs if run.running), runs[0] if runs else None)
        if adopted is not None:
            self.log(f"{names.table}: adopted the run {adopted.id} of {self.job}, which is {adopted.state}")
        return adopted

    def _take_over(self, key: str) -> bool:
        """Whether this run has to start the job for a request of another run, which died after creating it."""
        version = self.s3.find_version(self.layout.bucket, key)
        listed = next((item for item in self.s3.list_objects(self.layout.bucket, key) if item.key == key), None)
        if version is None or listed is None or listed.modified is None:
            return False
        text, etag = version
        return self.now() - listed.modified > _BEGINNING and self._create(key, text, etag=etag)

    def _ship(self) -> dict[str, str]:
        """Puts this release's job files into S3, and returns the arguments that make Glue run them instead of the installed ones."""
        bundle = build_bundle()
        files = {"--scriptLocation": (SCRIPT_NAME, bundle.script), "--extra-py-files": (RULES_NAME, bundle.rules)}
        arguments: dict[str, str] = {}
        for argument, (name, body) in files.items():
            key = self.layout.job_file_key(bundle.digest, name)
            if self.s3.find_head(self.layout.bucket, key) is None:
                self.s3.put_bytes(self.layout.bucket, key, body, kms_key=self.kms_key)
            arguments[argument] = self.layout.uri(key)
        return arguments

    def _request_key(self, names: JobNames) -> str:
        return self.layout.job_key(names.source, names.slug, "request")

    def _result_key(self, names: JobNames) -> str:
        return self.layout.job_key(names.source, names.slug, "result")
