"""Convert by Spark: tables that outgrow a machine become jobs of AWS Glue, and no run of ours waits for them.

    begin    the job's files and the request go to S3, a run is started: or the one that was started is adopted
    finish   the ended run's result is read; what the job found wrong with the input is raised as the local engine would
    advance  both, for all tables of a date, as far as it goes now

A run is known by its request, whose key holds source, date, export, attempt and table. The request is created, never
overwritten: of two runs of ours at once one starts the run of Glue, and the other finds it.

What belongs here: conversions as job runs. Who asks again when one ends is `glue_watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.convert.spark.bundle import RULES_NAME, SCRIPT_NAME, build_bundle
from rds_lake.convert.spark.request import JobRequest, JobResult, parse_request, parse_result, render_request
from rds_lake.errors import AwsError, ConflictError, ConversionError, RelocationError, ThrottledError
from rds_lake.model.dynamodb.glue_run import REQUEST, JobRun
from rds_lake.model.dynamodb.glue_runs import JobSet, TableJob, merge_jobs, parse_job_set, render_job_set
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.runs.advanced import Advanced, Turn

MakeRequest = Callable[[str], JobRequest]
_MISSING_RESULT = "ended without a result"
# Between creating a request and starting its run lie seconds; after this long whoever created it is dead.
_BEGINNING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNames:
    """What identifies one attempt at a table's conversion."""

    source: str
    export_task: str
    table: str
    attempt: int = 1

    @property
    def slug(self) -> str:
        """`reviews-2026-11-20-3f9c2d71ab04.1.Users`: an export has one place only, and names date and source."""
        return f"{self.export_task}.{self.attempt}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkJobs:
    """Conversions as runs of the job `job`."""

    jobs: GlueJobs
    s3: S3Gateway
    layout: LakeLayout
    job: str
    kms_key: str | None
    log: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def begin(self, names: JobNames, make: MakeRequest) -> JobRun | None:
        """The run that converts the table: a new one, or the one of this attempt; None while another run of ours begins it.

        `make` gives the request for the URI the result has to have. Raises ThrottledError if Glue has no place now.
        """
        request = render_request(make(self.layout.uri(self._result_key(names))))
        key = self._request_key(names)
        if not self._create(key, request, etag=None):
            found = self._begun(names, key)
            if found is not None or not self._take_over(key):
                return found
        try:
            started = self.jobs.start(self.job, self._ship() | {REQUEST: self.layout.uri(key)})
        except (ThrottledError, AwsError):
            # Refused, so nothing was started. After any other error something may have been: then the request stays.
            self.s3.delete(self.layout.bucket, [key])
            raise
        self.log(f"{names.table}: started the run {started} of {self.job}")
        return self.jobs.find_run(self.job, started)

    def look(self, run: str) -> JobRun | None:
        """The run as it is now; None where Glue has forgotten it."""
        return self.jobs.find_run(self.job, run)

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
        return parse_result(text, where=self.layout.uri(key))

    def target(self, names: JobNames) -> str:
        """The URI of the folder that the run was asked to write in. RelocationError where its request is gone."""
        key = self._request_key(names)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            raise RelocationError(f"{names.table}: {self.layout.uri(key)} is gone; materialize `parquet` again")
        return parse_request(text).target

    def forget(self, source: str, export_task: str) -> None:
        """Remove requests, results and the record of the runs: the date has its manifest."""
        folder = f"{self.layout.job_folder(source)}{export_task}."
        self.s3.delete(self.layout.bucket, [item.key for item in self.s3.list_objects(self.layout.bucket, folder)])

    def _create(self, key: str, text: str, *, etag: str | None) -> bool:
        try:
            self.s3.replace_text(self.layout.bucket, key, text, etag=etag, kms_key=self.kms_key)
        except ConflictError:
            return False
        return True

    def _begun(self, names: JobNames, key: str) -> JobRun | None:
        """The run of a request that is there already, one that still runs first."""
        uri = self.layout.uri(key)
        runs = [run for run in self.jobs.list_runs(self.job) if run.request == uri]
        found = next((run for run in runs if run.running), runs[0] if runs else None)
        if found is not None:
            self.log(f"{names.table}: adopted the run {found.id} of {self.job}, which is {found.state}")
        return found

    def _take_over(self, key: str) -> bool:
        """Whether this run of ours is to start what another one created the request of, and then died."""
        found = self.s3.find_version(self.layout.bucket, key)
        listed = next((item for item in self.s3.list_objects(self.layout.bucket, key) if item.key == key), None)
        if found is None or listed is None or listed.modified is None:
            return False
        return self.now() - listed.modified > _BEGINNING and self._create(key, found[0], etag=found[1])

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
        return self.layout.job_key(names.source, names.slug, "request")

    def _result_key(self, names: JobNames) -> str:
        return self.layout.job_key(names.source, names.slug, "result")


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkDate:
    """All conversions of one date. `is_done` looks whether another run of ours has written its manifest."""

    spark: SparkJobs
    source: str
    snapshot_date: date
    export_task: str
    is_done: Callable[[], bool] = lambda: False

    def advance(self, wanted: Mapping[str, MakeRequest], *, turn: Turn) -> Advanced:
        """Read what has ended, begin what Glue has a place for; the record says the rest to later runs.

        A run that resumes raises one ConversionError or RelocationError for all tables that failed, once nothing runs or waits.
        """
        # Before the first start: what is begun is never unheard of.
        jobs, is_new = self._record(dict.fromkeys(wanted, TableJob()))
        results: dict[str, JobResult] = {}
        targets: dict[str, str] = {}
        failed: dict[str, ConversionError | RelocationError] = {}
        running = [
            table for table, job in jobs.items() if job.run and self._goes_on(table, job, results, targets, failed)
        ]
        # Whoever finishes the date forgets its runs: without a look they would be begun, and paid for, once more.
        if (is_new or failed) and self.is_done():
            self.spark.forget(self.source, self.export_task)
            return Advanced(results={}, done=True)
        known = dict(jobs)
        if turn == "by_hand":
            jobs |= {table: TableJob(attempt=jobs[table].attempt + 1) for table in failed}
            failed = {}
        begun, waiting = self._begin(jobs, wanted)
        if begun or jobs != known:
            self._record(jobs | begun)
        running += begun
        if failed and turn == "resume" and not (running or waiting):
            raise _together(list(failed.values()))
        return Advanced(results=results, targets=targets, running=tuple(running), waiting=waiting, failed=tuple(failed))

    def _goes_on(
        self,
        table: str,
        job: TableJob,
        results: dict[str, JobResult],
        targets: dict[str, str],
        failed: dict[str, ConversionError | RelocationError],
    ) -> bool:
        run = self.spark.look(job.run or "")
        if run is not None and run.running:
            return True
        try:
            result = self.spark.finish(self._names(table, job), run)
            targets[table] = self.spark.target(self._names(table, job))
            results[table] = result
        except (ConversionError, RelocationError) as error:
            self.spark.log(str(error))
            failed[table] = error
        return False

    def _begin(
        self, jobs: Mapping[str, TableJob], wanted: Mapping[str, MakeRequest]
    ) -> tuple[dict[str, TableJob], tuple[str, ...]]:
        todo = [table for table, job in jobs.items() if job.run is None]
        begun: dict[str, TableJob] = {}
        for table in todo:
            try:
                run = self.spark.begin(self._names(table, jobs[table]), wanted[table])
            except ThrottledError as error:
                self.spark.log(f"{len(todo) - len(begun)} tables wait: {error}")
                break
            if run is not None:
                begun[table] = TableJob(attempt=jobs[table].attempt, run=run.id)
        return begun, tuple(table for table in todo if table not in begun)

    def _names(self, table: str, job: TableJob) -> JobNames:
        return JobNames(source=self.source, export_task=self.export_task, table=table, attempt=job.attempt)

    @property
    def _key(self) -> str:
        return self.spark.layout.job_set_key(self.source, self.export_task)

    def _record(self, tables: Mapping[str, TableJob]) -> tuple[dict[str, TableJob], bool]:
        """Remember these as the tables that Glue has not converted; what is known of them by now, and whether nothing was before."""
        spark, found, is_new = self.spark, dict(tables), False

        def change(text: str | None) -> str:
            nonlocal is_new
            is_new = text is None
            known = {} if text is None else parse_job_set(text, where=spark.layout.uri(self._key)).tables
            found.update(merge_jobs(tables, known))
            record = JobSet(
                source=self.source, snapshot_date=self.snapshot_date, export_task=self.export_task, tables=found
            )
            return render_job_set(record)

        change_text(spark.s3, spark.layout.bucket, self._key, change, kms_key=spark.kms_key)
        return found, is_new


def _together(errors: list[ConversionError | RelocationError]) -> ConversionError | RelocationError:
    if len(errors) == 1:
        return errors[0]
    return RelocationError(
        f"Glue did not convert {len(errors)} tables; nothing was published:", [str(e) for e in errors]
    )
