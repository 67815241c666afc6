"""AWS Glue's jobs: the definition of a Spark job, and its runs.

What belongs here: calls with paging, and answers as values. `stages/dynamodb/converting/glue/runs.py` decides which tables a run
converts.
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
# AWS's codes if too many runs are in progress; the call can succeed later.
_LATER = ("ConcurrentRunsExceededException", "ResourceNumberLimitExceededException")


class GlueJobs:
    """Jobs of the account and Region."""

    def __init__(self, client: Any, *, starting: Any = None) -> None:
        """`starting` starts runs, and repeats nothing: StartJobRun has no token, so a repeated call could start a second run."""
        self._client, self._starting = client, starting or client

    def find_script(self, name: str) -> str | None:
        """Returns the URI of the job's script; None if the job does not exist."""
        try:
            with aws_errors("glue", "GetJob", about=name):
                return self._client.get_job(JobName=name)["Job"].get("Command", {}).get("ScriptLocation", "")
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise
            return None

    def put_job(self, name: str, definition: Mapping[str, Any]) -> bool:
        """Create the job, or update an existing one to this definition; returns whether it is new."""
        if self.find_script(name) is None:
            with aws_errors("glue", "CreateJob", about=name):
                self._client.create_job(Name=name, **definition)
            return True
        with aws_errors("glue", "UpdateJob", about=name):
            self._client.update_job(JobName=name, JobUpdate=dict(definition))
        return False

    def start(self, job: str, arguments: Mapping[str, str]) -> str:
        """Start a run and return its id. ThrottledError if the job or the account allows no more runs at once."""
        try:
            with aws_errors("glue", "StartJobRun", about=job):
                return self._starting.start_job_run(JobName=job, Arguments=dict(arguments))["JobRunId"]
        except AwsError as error:
            if error.code in _LATER:
                raise ThrottledError(f"Glue allows no further run of {job} now: {error}") from error
            raise

    def list_runs(self, job: str) -> Iterator[JobRun]:
        """Returns the job's runs, newest first, as far back as Glue keeps them (90 days); empty if the job does not exist."""
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
        """Returns the job's newest 200 runs; empty if the job does not exist. Runs in progress are almost always among them."""
        return list(islice(self.list_runs(job), _PAGE))

    def find_run(self, job: str, run: str) -> JobRun | None:
        """Returns the run, or None if Glue does not know it (any more: Glue keeps runs for 90 days)."""
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
