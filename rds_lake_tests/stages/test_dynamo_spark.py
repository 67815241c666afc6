"""A DynamoDB source whose tables are converted by a Glue job: the same tables, one run each, every failure told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.convert.converted import ConvertedFile, converted
from rds_lake.convert.job_request import JobRequest, JobResult, parse_request, render_failure, render_result
from rds_lake.convert.tree import Node
from rds_lake.errors import ConversionError, ExportTimeoutError, RelocationError, ThrottledError
from rds_lake.model.job_run import JobRun
from rds_lake.stages.export import Waiting
from rds_lake.stages.spark_convert import JobNames, SparkConversions, SparkJobs
from rds_lake_tests.spark import needs_spark
from rds_lake_tests.world import World

DAY = (datetime.now(UTC) - timedelta(days=1)).date()
ROLE = "arn:aws:iam::123456789012:role/rds-lake-convert"


@pytest.fixture
def glue_world(world: World) -> World:
    lake = world.config.lake.model_copy(update={"glue_role": ROLE})
    world.config = world.config.model_copy(update={"lake": lake})
    return world


@needs_spark
def test_a_table_converted_by_glue_is_queried_like_any_other(glue_world: World) -> None:
    dynamo = glue_world.of_dynamodb("Reviews", engine="glue")
    dynamo.clock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(days=1))
    dynamo.create(
        "Reviews",
        {"id": {"S": "r1"}, "price": {"N": "12345678901234567890.12"}, "author": {"M": {"Name": {"S": "Ada"}}}},
        {"id": {"S": "r2"}, "price": {"N": "0.5"}, "mixed": {"S": "one"}},
        {"id": {"S": "r3"}, "mixed": {"N": "1"}},
    )
    dynamo.clock(None)
    run = glue_world.run(job_poll_seconds=0.2)
    run.accept(DAY, poll_seconds=0.02)
    manifest = run.relocate(DAY)
    run.catalogue(DAY)
    run.publish(DAY, now=datetime.now(UTC))
    assert glue_world.query("SELECT id, price, author.name, mixed FROM reviews ORDER BY id") == [
        ("r1", "12345678901234567890.12", "Ada", None),
        ("r2", "0.50", None, '"one"'),
        ("r3", None, None, "1"),
    ]
    assert sorted(glue_world.keys("lake/reviews/Reviews/")) == sorted(
        file.key for table in manifest.tables for file in table.files
    )
    assert not glue_world.keys("lake/_jobs/reviews/")
    (ran,) = glue_world.gateways.glue.jobs.list_runs("rds-lake-convert")
    assert ran.succeeded


@dataclass
class FakeJobs(GlueJobs):
    """Runs that end when told to; `answers` are written at once when a run starts."""

    world: World
    answer: str | None = None
    state: str = "SUCCEEDED"
    places: int = 10
    runs: list[JobRun] = field(default_factory=list)

    def start(self, job: str, arguments: Mapping[str, str]) -> str:
        if sum(run.running for run in self.runs) >= self.places:
            raise ThrottledError("no place")
        run = JobRun(id=f"jr_{len(self.runs)}", job=job, state="RUNNING", arguments=arguments)
        self.runs.insert(0, run)
        return run.id

    def list_runs(self, job: str) -> Iterator[JobRun]:
        return iter(self.runs)

    def get_run(self, job: str, run: str) -> JobRun:
        return next(one for one in self.runs if one.id == run)

    def end_all(self, *_: Any) -> None:
        """Time passes: every run ends."""
        for place, run in enumerate(self.runs):
            if run.running:
                self.runs[place] = replace(
                    run, state=self.state, error="Spark died" if self.state == "FAILED" else None
                )
                request = self._request(run)
                if self.answer is not None:
                    key = request.result.removeprefix("s3://acme-lake/")
                    self.world.gateways.s3.put_text("acme-lake", key, self.answer, kms_key=None)

    def _request(self, run: JobRun) -> JobRequest:
        assert run.request is not None
        text = self.world.gateways.s3.get_text("acme-lake", run.request.removeprefix("s3://acme-lake/"))
        return parse_request(text)


RESULT = JobResult(
    converted=converted((), Node(fields={}), [ConvertedFile(name="part-0.parquet", bytes=1, rows=2)], items=2)
)
USERS, ORDERS = (JobNames(source="shop", day="2026-11-20", export_task="e", table=name) for name in ("Users", "Orders"))


def jobs_of(world: World, jobs: FakeJobs) -> SparkJobs:
    gateways = world.gateways
    return SparkJobs(
        jobs=jobs, s3=gateways.s3, layout=gateways.layout, job="convert", kms_key=None, log=world.lines.append
    )


def conversions(world: World, jobs: FakeJobs, *, clock: Any = lambda: 0.0) -> SparkConversions:
    waiting = Waiting(clock=clock, sleep=jobs.end_all, timeout_seconds=60, poll_seconds=30, log=world.lines.append)
    return SparkConversions(spark=jobs_of(world, jobs), waiting=waiting)


def request(result: str) -> JobRequest:
    return JobRequest(inputs=(), target="s3://acme-lake/t/", result=result)


def test_asking_again_while_a_run_goes_on_starts_no_second_one(world: World) -> None:
    jobs = FakeJobs(world)
    spark = jobs_of(world, jobs)
    first = spark.begin(USERS, request, spark.running())
    second = spark.begin(USERS, request, spark.running())
    assert first == second
    assert len(jobs.runs) == 1


def test_a_result_that_was_not_fetched_yet_is_used_instead_of_another_run(world: World) -> None:
    jobs = FakeJobs(world, answer=render_result(RESULT))
    spark = jobs_of(world, jobs)
    spark.begin(USERS, request, {})
    jobs.end_all()
    assert list(conversions(world, jobs).run_all({USERS: request})) == [(USERS, RESULT)]
    assert len(jobs.runs) == 1


def test_more_tables_than_places_are_converted_one_after_the_other(world: World) -> None:
    jobs = FakeJobs(world, answer=render_result(RESULT), places=1)
    found = dict(conversions(world, jobs).run_all({USERS: request, ORDERS: request}))
    assert found == {USERS: RESULT, ORDERS: RESULT}
    assert len(jobs.runs) == 2


def test_what_the_job_found_wrong_is_raised_and_the_next_attempt_starts_afresh(world: World) -> None:
    jobs = FakeJobs(
        world, answer=render_failure(ConversionError("bad files:", ["a.gz, line 7: no JSON"])), state="FAILED"
    )
    with pytest.raises(ConversionError, match=r"a\.gz, line 7"):
        list(conversions(world, jobs).run_all({USERS: request}))
    jobs.answer = render_result(RESULT)
    assert dict(conversions(world, jobs).run_all({USERS: request})) == {USERS: RESULT}


def test_a_run_that_dies_is_told_with_its_id_and_its_words(world: World) -> None:
    jobs = FakeJobs(world, state="FAILED")
    with pytest.raises(RelocationError, match=r"Users.*jr_0.*FAILED: Spark died.*CloudWatch"):
        list(conversions(world, jobs).run_all({USERS: request}))


def test_a_run_that_takes_too_long_is_left_and_adopted_later(world: World) -> None:
    jobs = FakeJobs(world)
    times = iter([0.0, 61.0])
    with pytest.raises(ExportTimeoutError, match="Users"):
        list(conversions(world, jobs, clock=lambda: next(times)).run_all({USERS: request}))
    jobs.answer = render_result(RESULT)
    assert dict(conversions(world, jobs).run_all({USERS: request})) == {USERS: RESULT}
    assert len(jobs.runs) == 1


def test_the_job_of_a_lake_may_touch_its_buckets_and_key_alone(glue_world: World) -> None:
    glue_world.of_dynamodb("Reviews", engine="auto")
    glue_world.provision()
    job = glue_world.clients.client("glue").get_job(JobName="rds-lake-convert")["Job"]
    assert job["Role"] == ROLE
    assert job["MaxRetries"] == 0
    for uri in (job["Command"]["ScriptLocation"], job["DefaultArguments"]["--extra-py-files"]):
        assert uri.removeprefix("s3://acme-lake/") in glue_world.keys("lake/_jobs/")
    iam = glue_world.clients.client("iam")
    policy = iam.get_role_policy(RoleName="rds-lake-convert", PolicyName="rds-lake-convert")["PolicyDocument"]
    wide = [one for one in policy["Statement"] if one["Resource"] == "*"]
    assert [one["Action"] for one in wide] == [["glue:GetSecurityConfiguration", "cloudwatch:PutMetricData"]]
    assert "dynamodb" not in json.dumps(policy)
