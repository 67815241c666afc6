"""Conversions by AWS Glue in Dagster: no run waits for one, and each end is taken up once, by an event or by reconciliation."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.stages.dynamodb.converting import local
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.defs.test_runs import materialized
from rds_lake_tests.fakes.glue import LocalSpark
from rds_lake_tests.support.world import DynamoWorld, until

DAY = datetime.now(UTC).date() - timedelta(days=1)
REST = ["parquet"]


class GlueShell:
    """A source whose tables are converted by Glue; only yesterday is there."""

    def __init__(self, shell: Shell, *, places: int = 10, **source: Any) -> None:
        self.shell, self.world = shell, shell.world
        self.stand_in: LocalSpark = self.world.with_glue(glue_runs=places, reconcile_days=2)
        settings: dict[str, Any] = {"converter": "glue", "athena": False, "export_at": "00:00", "freshness_hours": 0}
        self.dynamo: DynamoWorld = self.world.of_dynamodb(**settings | {"start_date": DAY.isoformat()} | source)
        self.dynamo.clock(datetime.now(UTC) - timedelta(days=9))
        self.dynamo.create("Reviews", {"id": {"S": "1"}, "stars": {"N": "5"}}, {"id": {"S": "2"}, "note": {"S": "x"}})
        self.dynamo.create("Users", {"id": {"S": "1"}})
        self.dynamo.clock(None)
        shell.reload()

    def faults(self, **body: Any) -> None:
        self.world.cloud.faults.add(read_faults(body))

    def export(self) -> dg.ExecuteInProcessResult:
        """Have yesterday exported and its conversions begun: the run that settles the exports."""
        assert self.shell.begin(str(DAY)).success
        (settle,) = until(lambda: self.of_yesterday("settle"))
        return self.shell.run(settle)

    def of_yesterday(self, trigger: str) -> list[dg.RunRequest]:
        """What reconciliation asks for."""
        return [
            request
            for request in self.shell.reconcile()
            if request.partition_key == str(DAY) and request.tags["rds_lake/trigger"] == trigger
        ]

    def heard(self) -> list[dg.RunRequest]:
        """What events ask for, those of exports aside."""
        return [r for r in self.shell.tick() if r.tags["rds_lake/trigger"] == "convert"]

    def ended(self, runs: int) -> None:
        """Wait until so many runs of Glue have ended."""
        until(lambda: sum(not run.running for run in self.world.job_runs()) == runs)

    def rows(self) -> int:
        return self.world.run(job_poll_seconds=0.05).relocate(DAY).rows


def test_no_run_waits_for_glue_and_the_event_of_its_last_run_brings_the_views(shell: Shell) -> None:
    glue = GlueShell(shell, athena=True)
    begun = glue.export()
    assert begun.success
    assert materialized(begun) == ["snapshot_export"]
    (said,) = [o.metadata["rds_lake/status"].value for o in begun.asset_observations_for_node("reviews__parquet")]
    assert "running: Reviews, Users" in str(said)
    glue.ended(2)
    (request,) = until(glue.heard)
    finished = shell.run(request)
    assert finished.success
    assert materialized(finished) == ["catalog", "parquet", "reviews", "users"]
    assert glue.world.query("SELECT count(*) FROM reviews") == [("2",)]
    assert glue.world.keys("lake/_jobs/reviews/") == []
    assert glue.of_yesterday("convert") == []


@pytest.mark.exhaustive
def test_an_end_that_no_event_reported_is_found(shell: Shell) -> None:
    glue = GlueShell(shell)
    glue.faults(events=[{"action": "drop", "match": "Glue Job State Change"}] * 2)
    glue.export()
    glue.ended(2)
    (request,) = until(lambda: glue.of_yesterday("convert"))
    assert materialized(shell.run(request)) == REST
    assert glue.heard() == []
    assert glue.of_yesterday("convert") == []


@pytest.mark.exhaustive
def test_an_end_reported_twice_or_late_changes_nothing(shell: Shell) -> None:
    glue = GlueShell(shell)
    glue.faults(events=[{"action": "double", "match": "Glue Job State Change"}] * 2)
    glue.export()
    glue.ended(2)
    (request,) = until(lambda: glue.of_yesterday("convert"))
    (late,) = until(glue.heard)
    assert materialized(shell.run(request)) == REST
    assert materialized(shell.run(late)) == REST
    assert glue.heard() == []
    assert len(glue.world.job_runs()) == 2


def test_a_run_that_ends_badly_is_one_mail_with_its_id_and_is_repeated_by_a_person_alone(shell: Shell) -> None:
    glue = GlueShell(shell)
    box = glue.world.mailbox()
    glue.faults(glue_jobs=[{"end": "FAILED", "message": "out of memory"}])
    glue.export()
    glue.ended(2)
    (request,) = until(lambda: glue.of_yesterday("convert"))
    result = shell.run(request)
    (bad,) = [run for run in glue.world.job_runs() if run.state == "FAILED"]
    assert f"{bad.id} of the Glue job rds-lake-convert FAILED: out of memory" in shell.failure(result)
    for late in glue.heard():
        shell.run(late)
    (mail,) = box.read()
    assert bad.id in mail["Message"]
    assert glue.of_yesterday("convert") == []
    assert len(glue.world.job_runs()) == 2

    assert materialized(shell.materialize(str(DAY), "parquet")) == []
    glue.ended(3)
    (again,) = until(lambda: glue.of_yesterday("convert"))
    assert materialized(shell.run(again)) == REST


@pytest.mark.exhaustive
def test_a_damaged_file_is_named_when_glue_found_it(shell: Shell) -> None:
    glue = GlueShell(shell)
    glue.dynamo.break_next_export(damaged_file=True)
    glue.export()
    glue.ended(2)
    (request,) = until(lambda: glue.of_yesterday("convert"))
    assert "/data/" in shell.failure(shell.run(request))


@pytest.mark.exhaustive
def test_tables_without_a_place_are_begun_when_one_is_left(shell: Shell) -> None:
    glue = GlueShell(shell, places=1)
    let_go = threading.Event()
    glue.stand_in.before = lambda: let_go.wait(60)
    glue.export()
    assert glue.heard() == glue.of_yesterday("convert") == []
    let_go.set()
    glue.ended(1)
    (second,) = until(glue.heard)
    assert materialized(shell.run(second)) == []
    glue.ended(2)
    (last,) = until(glue.heard)
    assert materialized(shell.run(last)) == REST
    assert len(glue.stand_in.requests) == 2


@pytest.mark.exhaustive
def test_tables_that_wait_for_the_places_of_others_are_begun_as_soon_as_there_is_one(shell: Shell) -> None:
    glue = GlueShell(shell, places=1)
    glue.faults(glue_jobs=[{"stuck": True}])
    other = glue.world.gateways.glue.jobs.start("rds-lake-convert", {})
    glue.export()
    assert glue.of_yesterday("convert") == []
    glue.world.clients.client("glue").batch_stop_job_run(JobName="rds-lake-convert", JobRunIds=[other])
    (request,) = glue.of_yesterday("convert")
    shell.run(request)
    assert len(glue.world.job_runs()) > 1


@pytest.mark.exhaustive
def test_a_run_of_glue_that_takes_too_long_is_reported_once(shell: Shell) -> None:
    glue = GlueShell(shell, export_timeout_hours=1e-6)
    glue.faults(glue_jobs=[{"stuck": True}, {"stuck": True}])
    assert glue.shell.begin(str(DAY)).success
    until(
        lambda: all(one["ExportStatus"] == "COMPLETED" for t in ("Reviews", "Users") for one in glue.dynamo.exports(t))
    )
    shell.run(next(r for r in shell.reconcile() if r.tags["rds_lake/trigger"] == "settle"))
    incidents = [r for r in shell.reconcile() if r.tags["rds_lake/trigger"] == "incident"]
    said = shell.failure(shell.run(incidents[0]))
    assert "the run jr_" in said and "is RUNNING for more than" in said
    assert len(incidents) == 2
    assert [r for r in shell.reconcile() if r.tags["rds_lake/trigger"] == "incident"] == []


@pytest.mark.exhaustive
def test_a_date_older_than_what_reconciliation_looks_at_is_finished_too(shell: Shell) -> None:
    """A backfill begins a conversion and ends; no sensor has asked for a run of that date."""
    glue = GlueShell(shell, start_date=(DAY - timedelta(days=6)).isoformat())
    old = DAY - timedelta(days=5)
    assert materialized(shell.materialize(str(old), "snapshot_export", "parquet")) == ["snapshot_export"]
    glue.ended(2)
    (request,) = until(lambda: [r for r in shell.reconcile() if r.partition_key == str(old)])
    assert materialized(shell.run(request)) == REST


@pytest.mark.exhaustive
def test_the_conversion_of_an_export_that_another_one_replaced_is_nobodys(shell: Shell) -> None:
    glue = GlueShell(shell, tables=("Reviews",))
    glue.export()
    glue.ended(1)
    glue.world.with_source(tables=("Reviews", "Users"))
    glue.world.run().accept(DAY, poll_seconds=0.05)
    assert glue.of_yesterday("convert") == []


class TestAuto:
    """`converter: auto`: each table by its own size."""

    @pytest.fixture
    def glue(self, shell: Shell) -> GlueShell:
        """Reviews is a little larger than what is converted here, Users a little smaller."""
        glue = GlueShell(shell, converter="auto")
        run = glue.world.run()
        parts = {part.table: part.billed_bytes for part in run.accept(DAY, poll_seconds=0.05).record.parts}
        assert parts["Users"] < parts["Reviews"]
        glue.world.with_source(glue_above_gb=(parts["Reviews"] - 1) / 1e9)
        shell.reload()
        return glue

    def test_small_tables_are_converted_here_and_large_ones_by_glue(self, glue: GlueShell) -> None:
        assert glue.rows() == 3
        assert [request.rsplit(".", 2)[1] for request in glue.stand_in.requests] == ["Reviews"]

    @pytest.mark.exhaustive
    def test_a_table_of_the_very_size_is_converted_here(self, glue: GlueShell) -> None:
        above = glue.world.config.dynamodb[0].glue_above_gb
        glue.world.with_source(glue_above_gb=above + 1e-9)
        assert glue.rows() == 3
        assert glue.stand_in.requests == []

    @pytest.mark.exhaustive
    def test_a_table_that_grows_changes_its_engine_and_nothing_else(self, glue: GlueShell) -> None:
        """Types seen by one engine are known to the other."""
        glue.dynamo.put("Users", *({"id": {"S": f"u{n}"}, "stars": {"N": "0.5"}} for n in range(9)))
        first = glue.world.run(job_poll_seconds=0.05).relocate(DAY)
        day, later = DAY + timedelta(days=2), datetime.now(UTC) + timedelta(days=2)
        glue.dynamo.clock(later)
        run = glue.world.run(now=lambda: later, job_poll_seconds=0.05)
        run.accept(day, poll_seconds=0.05)
        second = run.relocate(day)
        assert (first.rows, second.rows) == (3, 12)
        assert sorted(request.rsplit(".", 2)[1] for request in glue.stand_in.requests) == [
            "Reviews",
            "Reviews",
            "Users",
        ]

    @pytest.mark.exhaustive
    def test_an_end_of_glue_before_the_end_here_is_left_to_the_run_that_works(
        self, glue: GlueShell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two runs at one table would delete each other's files."""
        run, resumed = glue.world.run(), list[Any]()

        def convert_table(*arguments: Any, **more: Any) -> Any:
            glue.ended(1)
            resumed.append(glue.world.run().convert(DAY, run_kind="resume"))
            return original(*arguments, **more)

        original = local.convert_table
        monkeypatch.setattr(local, "convert_table", convert_table)
        assert run.convert(DAY, run_kind="begin").rows == 3  # type: ignore[union-attr]
        assert len(resumed) == 1
        assert not hasattr(resumed[0], "rows")
