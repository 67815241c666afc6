"""AWS Glue's jobs: a Spark job's definition and its runs.

The calls, with paging, and their answers as values. What a job converts is `stages/dynamodb/converting/glue/runs.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from itertools import islice
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ThrottledError
from rds_lake.model.dynamodb.glue_run import JobRun

_PAGE = 200
# AWS's words for "others are running; later".
_LATER = ("ConcurrentRunsExceededException", "ResourceNumberLimitExceededException")


class GlueJobs:
    """Jobs of the account and Region."""

    def __init__(self, client: Any, *, starting: Any = None) -> None:
        """`starting` starts runs: StartJobRun has no token, and what boto3 repeats after a lost answer would run twice."""
        self._client, self._starting = client, starting or client

    def find_script(self, name: str) -> str | None:
        """URI of the job's script; None where there is no such job."""
        try:
            with aws_errors("glue", "GetJob", about=name):
                return self._client.get_job(JobName=name)["Job"].get("Command", {}).get("ScriptLocation", "")
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise
            return None

    def put_job(self, name: str, definition: Mapping[str, Any]) -> bool:
        """Create the job, or make an existing one as given; True if it is new."""
        if self.find_script(name) is None:
            with aws_errors("glue", "CreateJob", about=name):
                self._client.create_job(Name=name, **definition)
            return True
        with aws_errors("glue", "UpdateJob", about=name):
            self._client.update_job(JobName=name, JobUpdate=dict(definition))
        return False

    def start(self, job: str, arguments: Mapping[str, str]) -> str:
        """Start a run and give its id. Raises ThrottledError while the job or the account has no place for another."""
        try:
            with aws_errors("glue", "StartJobRun", about=job):
                return self._starting.start_job_run(JobName=job, Arguments=dict(arguments))["JobRunId"]
        except AwsError as error:
            if error.code in _LATER:
                raise ThrottledError(f"Glue allows no further run of {job} now: {error}") from error
            raise

    def list_runs(self, job: str) -> Iterator[JobRun]:
        """Its runs, newest first, as far back as Glue keeps them (90 days); none if there is no such job."""
        try:
            with aws_errors("glue", "GetJobRuns", about=job):
                for page in self._client.get_paginator("get_job_runs").paginate(
                    JobName=job, PaginationConfig={"PageSize": _PAGE}
                ):
                    yield from (_run(item) for item in page["JobRuns"])
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise

    def newest_runs(self, job: str) -> list[JobRun]:
        """Its newest 200 runs; none if there is no such job. A run still in progress is seldom older than those."""
        return list(islice(self.list_runs(job), _PAGE))

    def find_run(self, job: str, run: str) -> JobRun | None:
        """The run as it is now, or None where Glue knows none (any more: it forgets after 90 days)."""
        try:
            with aws_errors("glue", "GetJobRun", about=f"{job} {run}"):
                return _run(self._client.get_job_run(JobName=job, RunId=run)["JobRun"])
        except AwsError as error:
            if error.code == "EntityNotFoundException":
                return None
            raise


def _run(item: Mapping[str, Any]) -> JobRun:
    started, ended = item.get("StartedOn"), item.get("CompletedOn")
    return JobRun(
        id=item["Id"],
        job=item["JobName"],
        state=item["JobRunState"],
        arguments=item.get("Arguments", {}),
        started_at=started.astimezone(UTC) if started else None,
        ended_at=ended.astimezone(UTC) if ended else None,
        error=item.get("ErrorMessage"),
    )
