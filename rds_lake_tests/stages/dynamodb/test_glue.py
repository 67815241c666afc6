"""A DynamoDB source whose tables are converted by a Glue job: the same tables, one run each, every failure reported."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.convert.rules.converted import ConvertedFile, converted
from rds_lake.convert.rules.tree import Node
from rds_lake.convert.spark.request import (
    JobRequest,
    JobResult,
    parse_request,
    render_failure,
    render_request,
    render_result,
)
from rds_lake.errors import (
    ConversionError,
    ExportTimeoutError,
    ManifestError,
    RelocationError,
    ThrottledError,
    UnavailableError,
)
from rds_lake.model.dynamodb.glue_run import JobRun
from rds_lake.model.dynamodb.glue_runs import JobSet, TableJob, parse_job_set, render_job_set
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.dynamodb.converting.glue.conversion import GlueConversion
from rds_lake.stages.dynamodb.converting.glue.runs import GlueRuns, JobNames
from rds_lake_tests.support.spark import needs_spark
from rds_lake_tests.support.world import World, until

DAY = (datetime.now(UTC) - timedelta(days=1)).date()
ROLE = "arn:aws:iam::123456789012:role/rds-lake-convert"


@pytest.fixture
def glue_world(world: World) -> World:
    lake = world.config.lake.model_copy(update={"glue_role": ROLE})
    world.config = world.config.model_copy(update={"lake": lake})
    return world


@pytest.mark.exhaustive
@needs_spark
def test_a_table_converted_by_glue_is_queried_like_any_other(glue_world: World) -> None:
    dynamo = glue_world.of_dynamodb("Reviews", converter="glue")
    dynamo.clock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(days=1))
    dynamo.create(
        "Reviews",
        {"id": {"S": "r1"}, "price": {"N": "12345678901234567890.12"}, "author": {"M": {"Name": {"S": "Ada"}}}},
        {"id": {"S": "r2"}, "price": {"N": "0.5"}, "mixed": {"S": "one"}},
        {"id": {"S": "r3"}, "mixed": {"N": "1"}},
    )
    dynamo.clock(None)
    run = glue_world.run(job_poll_seconds=0.2)
    run.accept(DAY, poll_seconds=0.05)
    manifest = run.relocate(DAY)
    run.shared.catalogue(DAY)
    run.shared.publish(DAY, now=datetime.now(UTC))
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
    assert ran.state == "SUCCEEDED"


@dataclass
class FakeJobs(GlueJobs):
    """Job runs that end when `end_all` is called; `answer` is written as their result then."""

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

    def find_run(self, job: str, run: str) -> JobRun | None:
        return next((one for one in self.runs if one.id == run), None)

    def end_all(self, *_: Any) -> None:
        """Time passes: every run ends."""
        for place, run in enumerate(self.runs):
            if run.running:
                self.runs[place] = replace(
                    run, state=self.state, error="Spark died" if self.state != "SUCCEEDED" else None
                )
                request = self._request(run)
                if self.answer is not None:
                    key = request.result.removeprefix("s3://acme-lake/")
                    self.world.root.s3.put_text("acme-lake", key, self.answer, kms_key=None)

    def _request(self, run: JobRun) -> JobRequest:
        assert run.request is not None
        text = self.world.root.s3.get_text("acme-lake", run.request.removeprefix("s3://acme-lake/"))
        return parse_request(text)


RESULT = JobResult(
    converted=converted((), Node(fields={}), [ConvertedFile(name="part-0.parquet", bytes=1, rows=2)], items=2)
)
USERS = JobNames(source="shop", export_task="shop-2026-11-20-abc", table="Users")


def jobs_of(world: World, jobs: FakeJobs, *, now: datetime | None = None) -> GlueRuns:
    gateways = world.gateways
    return GlueRuns(
        jobs=jobs, s3=gateways.s3, layout=gateways.layout, job="convert", kms_key=None, log=world.lines.append,
        now=lambda: now or datetime.now(UTC),
    )  # fmt: skip


def date_of(world: World, jobs: FakeJobs, **more: Any) -> GlueConversion:
    return GlueConversion(
        runs=jobs_of(world, jobs, **more), source="shop", snapshot_date=DAY, export_task=USERS.export_task
    )


def finish(world: World, jobs: FakeJobs, *tables: str) -> dict[str, JobResult]:
    """A person's run and the runs that resume the date, until every table has its result."""
    wanted, results, turn = dict.fromkeys(tables or ("Users",), request), dict[str, JobResult](), "by_hand"
    while wanted:
        state = date_of(world, jobs).finish_and_begin(wanted, run_kind=turn)  # pyright: ignore[reportArgumentType]
        results |= state.results
        wanted = {table: make for table, make in wanted.items() if table not in results}
        jobs.end_all()
        turn = "resume"
    return results


def request(result: str) -> JobRequest:
    return JobRequest(inputs=(), target="s3://acme-lake/t/", result=result)


@pytest.mark.exhaustive
def test_asking_again_while_a_run_goes_on_starts_no_second_one(world: World) -> None:
    jobs = FakeJobs(world)
    runs = jobs_of(world, jobs)
    first = runs.begin(USERS, request)
    second = runs.begin(USERS, request)
    assert first == second
    assert len(jobs.runs) == 1


@pytest.mark.exhaustive
def test_a_result_that_was_not_fetched_yet_is_used_instead_of_another_run(world: World) -> None:
    jobs = FakeJobs(world, answer=render_result(RESULT))
    jobs_of(world, jobs).begin(USERS, request)
    jobs.end_all()
    assert finish(world, jobs) == {"Users": RESULT}
    assert len(jobs.runs) == 1


@pytest.mark.exhaustive
def test_more_tables_than_places_are_converted_one_after_the_other(world: World) -> None:
    jobs = FakeJobs(world, answer=render_result(RESULT), places=1)
    found = finish(world, jobs, "Users", "Orders")
    assert found == {"Users": RESULT, "Orders": RESULT}
    assert len(jobs.runs) == 2


@pytest.mark.exhaustive
def test_what_the_job_found_wrong_is_raised_and_the_next_attempt_starts_afresh(world: World) -> None:
    jobs = FakeJobs(
        world, answer=render_failure(ConversionError("bad files:", ["a.gz, line 7: no JSON"])), state="FAILED"
    )
    with pytest.raises(ConversionError, match=r"a\.gz, line 7"):
        finish(world, jobs)
    jobs.answer = render_result(RESULT)
    assert finish(world, jobs) == {"Users": RESULT}


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED", "ERROR"])
def test_a_run_that_dies_is_reported_with_its_id_and_its_words(world: World, state: str) -> None:
    jobs = FakeJobs(world, state=state)
    with pytest.raises(RelocationError, match=rf"Users.*jr_0.*{state}: Spark died.*CloudWatch"):
        finish(world, jobs)


@pytest.mark.exhaustive
def test_all_tables_whose_runs_died_are_reported_at_once(world: World) -> None:
    jobs = FakeJobs(world, state="FAILED", places=1)
    with pytest.raises(RelocationError) as caught:
        finish(world, jobs, "Users", "Orders")
    assert "Users: the run jr_0" in str(caught.value) and "Orders: the run jr_1" in str(caught.value)


@pytest.mark.exhaustive
def test_a_run_that_takes_too_long_is_left_and_adopted_later(glue_world: World) -> None:
    stand_in = glue_world.with_glue()
    dynamo = glue_world.of_dynamodb("Reviews", converter="glue")
    dynamo.clock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(days=1))
    dynamo.create("Reviews", {"id": {"S": "r1"}})
    dynamo.clock(None)
    let_go = threading.Event()
    stand_in.before = lambda: let_go.wait(60)
    times = iter([0.0, 1e9])
    run = glue_world.run(clock=lambda: next(times))
    glue_world.run().accept(DAY, poll_seconds=0.05)
    with pytest.raises(ExportTimeoutError, match="Reviews"):
        run.relocate(DAY)
    let_go.set()
    assert glue_world.run(job_poll_seconds=0.05).relocate(DAY).rows == 1
    assert len(glue_world.job_runs()) == 1


def test_of_two_runs_of_ours_at_once_one_starts_the_job(world: World) -> None:
    """The second run begins when the first has created the request and not yet started the job."""
    jobs = FakeJobs(world)
    second: list[JobRun | None] = []

    def start(job: str, arguments: Mapping[str, str]) -> str:
        del jobs.start  # type: ignore[method-assign]
        second.append(jobs_of(world, jobs).begin(USERS, request))
        return jobs.start(job, arguments)

    jobs.start = start  # type: ignore[method-assign]
    jobs_of(world, jobs).begin(USERS, request)
    assert second == [None]
    assert len(jobs.runs) == 1


class _DiesError(BaseException):
    """The machine is gone: no code of rds-lake may catch this."""


@pytest.mark.parametrize("after", [False, True])
def test_a_run_of_ours_that_is_killed_between_any_two_writes_costs_no_second_run_of_glue(
    glue_world: World, *, after: bool
) -> None:
    """Killed before, or right after, its first write, its second, and so on, until no write is left to do."""
    glue_world.with_glue()
    dynamo = glue_world.of_dynamodb("Reviews", "Users", converter="glue")
    dynamo.clock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(days=1))
    dynamo.create("Reviews", {"id": {"S": "r1"}})
    dynamo.create("Users", {"id": {"S": "u1"}}, {"id": {"S": "u2"}})
    dynamo.clock(None)
    glue_world.run().accept(DAY, poll_seconds=0.05)
    deaths = 0
    with dying(glue_world, after=after) as left:
        while True:
            # A request whose run died before it started the job is taken over minutes later.
            now = datetime.now(UTC) + timedelta(minutes=6 * deaths)
            run = glue_world.run(now=partial(lambda now: now, now))
            left[0] = deaths + 1
            try:
                found = run.convert(DAY, run_kind="resume")
            except _DiesError:
                deaths += 1
                continue
            if isinstance(found, Manifest):
                break
            until(lambda: not any(run.running for run in glue_world.job_runs()))
    assert deaths > 3
    assert found.rows == 3
    assert len(glue_world.job_runs()) == 2
    assert not glue_world.keys("lake/_jobs/reviews/")


@contextmanager
def dying(world: World, *, after: bool) -> Iterator[list[int]]:
    """Die at the n-th write to S3 or start of a job run; n is the number in the yielded list, 0 or less: do not die."""
    left = [0]

    def count(model: Any, **_: Any) -> None:
        if model.name in ("PutObject", "DeleteObjects", "StartJobRun"):
            left[0] -= 1
            if left[0] == 0:
                raise _DiesError

    events = [world.gateways.s3.client.meta.events, world.gateways.glue.jobs._starting.meta.events]
    name = "after-call" if after else "before-call"
    for one in events:
        one.register(name, count, unique_id="dying")
    try:
        yield left
    finally:
        for one in events:
            one.unregister(name, unique_id="dying")


@pytest.mark.exhaustive
def test_a_run_that_was_asked_for_and_never_started_is_started_once_by_who_comes_minutes_later(world: World) -> None:
    jobs = FakeJobs(world)
    runs = jobs_of(world, jobs)
    key = "lake/_jobs/shop/shop-2026-11-20-abc.1.Users.request"
    world.root.s3.put_text("acme-lake", key, render_request(request("s3://acme-lake/r")), kms_key=None)
    assert runs.begin(USERS, request) is None
    later = jobs_of(world, jobs, now=datetime.now(UTC) + timedelta(minutes=6))
    assert later.begin(USERS, request) == later.begin(USERS, request) != None  # noqa: E711
    assert len(jobs.runs) == 1


@pytest.mark.exhaustive
def test_a_start_whose_answer_was_lost_is_found_and_not_repeated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = FakeJobs(world)
    start = jobs.start

    def lost(job: str, arguments: Mapping[str, str]) -> str:
        start(job, arguments)
        raise UnavailableError("the connection is gone")

    monkeypatch.setattr(jobs, "start", lost)
    with pytest.raises(UnavailableError):
        date_of(world, jobs).finish_and_begin({"Users": request}, run_kind="begin")
    monkeypatch.undo()
    assert date_of(world, jobs).finish_and_begin({"Users": request}, run_kind="begin").running == ("Users",)
    assert len(jobs.runs) == 1


@pytest.mark.exhaustive
def test_a_start_that_glue_refused_leaves_nothing_that_looks_like_a_run(world: World) -> None:
    jobs = FakeJobs(world, places=0)
    assert date_of(world, jobs).finish_and_begin({"Users": request}, run_kind="begin").waiting == ("Users",)
    jobs.places = 1
    assert date_of(world, jobs).finish_and_begin({"Users": request}, run_kind="resume").running == ("Users",)
    assert len(jobs.runs) == 1


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.text(st.sampled_from("ab.-_Z9"), min_size=3, max_size=9),
        st.builds(TableJob, attempt=st.integers(1, 99), run=st.none() | st.just("jr_1")),
    )
)
def test_the_record_of_runs_is_read_as_it_was_written(tables: dict[str, TableJob]) -> None:
    found = JobSet(source="shop", snapshot_date=DAY, export_task="shop-2026-11-20-abc", tables=tables)
    assert parse_job_set(render_job_set(found), where="x") == found


@given(st.text(st.sampled_from("ab.-_Z9/"), min_size=3), st.integers(1, 99))
def test_a_request_names_its_source_and_export_whatever_the_table_is_called(table: str, attempt: int) -> None:
    layout = LakeLayout(bucket="b", prefix="lake")
    names = JobNames(source="shop", export_task="shop-2026-11-20-abc", table=table, attempt=attempt)
    assert layout.job_set_of(layout.uri(layout.job_key("shop", names.slug, "request"))) == ("shop", names.export_task)


def test_a_damaged_record_of_runs_says_what_to_do() -> None:
    with pytest.raises(ManifestError, match="delete it and materialize `parquet`"):
        parse_job_set("{}", where="s3://b/k")


@pytest.mark.exhaustive
def test_the_job_of_a_lake_may_touch_its_buckets_and_key_alone(glue_world: World) -> None:
    glue_world.of_dynamodb("Reviews", converter="auto")
    glue_world.provision()
    job = glue_world.clients.client("glue").get_job(JobName="rds-lake-convert")["Job"]
    assert job["Role"] == ROLE
    assert job["MaxRetries"] == 0
    for uri in (job["Command"]["ScriptLocation"], job["DefaultArguments"]["--extra-py-files"]):
        assert uri.removeprefix("s3://acme-lake/") in glue_world.keys("lake/_jobs/")
    iam = glue_world.clients.client("iam")
    policy = iam.get_role_policy(RoleName="rds-lake-convert", PolicyName="rds-lake")["PolicyDocument"]
    wide = [action for one in policy["Statement"] if "*" in one["Resource"] for action in one["Action"]]
    assert sorted(wide) == ["cloudwatch:PutMetricData", "glue:GetSecurityConfiguration"]
    assert "dynamodb" not in json.dumps(policy)
