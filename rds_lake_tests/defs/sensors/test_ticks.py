"""Ticks that get on: no second run of what a person runs, none of what another sensor runs, and no tick that hangs or breaks."""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.sqs import SqsGateway
from rds_lake.defs.keys import StageKeys
from rds_lake.defs.sensors.requests import run_request
from rds_lake.errors import AwsError, UnavailableError
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.stages.runs.wanted import WantedRun
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import DynamoWorld, until

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def to_the_parquet_only(shell: Shell) -> None:
    """Ticks do not look at what happens after the Parquet."""
    shell.world.with_source(athena=False)
    shell.reload()


def statuses(shell: Shell) -> list[str]:
    return [task.status.value for task in shell.world.gateways.rds.list_export_tasks()]


def ask_all(shell: Shell) -> list[dg.RunRequest]:
    """What both sensors ask for until no event is left."""
    asked: list[dg.RunRequest] = []
    quiet = 0
    while quiet < 2:
        requests = [*shell.tick(), *shell.reconcile()]
        quiet = 0 if requests else quiet + 1
        asked += requests
    return asked


class TestByHand:
    """What a person or a backfill runs is not run a second time (its events come all the same)."""

    def test_a_date_launched_by_hand_is_not_run_again_when_its_events_arrive(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY))
        (begin,) = shell.tick()
        assert shell.materialize(str(YESTERDAY), "snapshot_export", "parquet").success
        assert ask_all(shell) == []
        assert shell.run(begin).success, "a begin asked for before finds the export"
        assert statuses(shell) == ["COMPLETE"]

    @pytest.mark.exhaustive
    def test_a_failed_run_by_hand_is_reported_once_and_not_run_again_by_its_event(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.break_next_export(fail="boom")
        assert not shell.materialize(str(YESTERDAY), "snapshot_export", "parquet").success
        assert ask_all(shell) == []

    @pytest.mark.exhaustive
    def test_while_a_run_by_hand_waits_its_event_asks_for_nothing(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.run().begin(YESTERDAY)
        keys = {dg.AssetKey(["shop", name]) for name in ("snapshot_export", "parquet")}
        tags = {"dagster/partition": str(YESTERDAY), "dagster/backfill": "abcdefgh"}
        job = shell.definitions.resolve_implicit_global_asset_job_def().name
        waiting = dg.DagsterRun(job_name=job, tags=tags, asset_selection=keys, status=dg.DagsterRunStatus.STARTED)
        shell.instance.add_run(waiting)  # type: ignore[attr-defined] - as a worker leaves it while it waits
        until(lambda: statuses(shell) == ["COMPLETE"])
        assert ask_all(shell) == []

    @pytest.mark.exhaustive
    def test_an_export_run_by_hand_alone_is_still_taken_over(self, shell: Shell) -> None:
        """The event of the export's end brings the rest of a date of which a person materializes `snapshot_export` alone."""
        shell.world.snapshot(str(YESTERDAY), event=False)
        assert shell.materialize(str(YESTERDAY), "snapshot_export").success
        (settle,) = until(shell.tick)
        assert shell.run(settle).success
        assert ask_all(shell) == []

    @pytest.mark.exhaustive
    def test_a_run_a_person_canceled_does_not_keep_the_date_from_being_finished(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.run().begin(YESTERDAY)
        keys = {dg.AssetKey(["shop", name]) for name in ("snapshot_export", "parquet")}
        job = shell.definitions.resolve_implicit_global_asset_job_def().name
        canceled = dg.DagsterRun(
            job_name=job,
            tags={"dagster/partition": str(YESTERDAY)},
            asset_selection=keys,
            status=dg.DagsterRunStatus.CANCELED,
        )
        shell.instance.add_run(canceled)  # type: ignore[attr-defined]
        assert len({request.run_key for request in until(lambda: ask_all(shell))}) == 1


@pytest.mark.exhaustive
def test_an_end_that_reconciliation_takes_over_is_not_asked_for_by_its_late_event(shell: Shell) -> None:
    shell.world.snapshot(str(YESTERDAY), event=False)
    shell.run(shell.reconcile()[0])
    until(lambda: statuses(shell) == ["COMPLETE"])
    (settle,) = until(shell.reconcile)
    assert shell.run(settle).success
    assert ask_all(shell) == []


class TestReExecution:
    """A person's "Re-execute all", whose run has the tags of the run before."""

    def again(self, shell: Shell, request: dg.RunRequest, parent: str, **tags: str) -> dg.ExecuteInProcessResult:
        copied = dict(request.tags) | {"dagster/parent_run_id": parent, "dagster/root_run_id": parent} | tags
        return shell.run(request.with_replaced_attrs(tags=copied))

    def failed(self, shell: Shell) -> tuple[dg.RunRequest, str]:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.break_next_export(fail="The IAM role can't be assumed")
        shell.run(shell.reconcile()[0])
        (settle,) = until(shell.reconcile)
        result = shell.run(settle)
        assert not result.success
        return settle, result.run_id

    def test_a_failed_export_executed_again_is_exported_again(self, shell: Shell) -> None:
        settle, parent = self.failed(shell)
        assert self.again(shell, settle, parent).success
        assert statuses(shell) == ["FAILED", "COMPLETE"]
        rest = until(shell.reconcile)  # the run that failed was to export only
        assert shell.run(rest[0]).success
        assert ask_all(shell) == []

    @pytest.mark.exhaustive
    def test_dagsters_own_retry_of_a_run_whose_machine_died_pays_for_nothing(self, shell: Shell) -> None:
        settle, parent = self.failed(shell)
        assert not self.again(shell, settle, parent, **{"dagster/retry_number": "1"}).success
        assert statuses(shell) == ["FAILED"]

    @pytest.mark.exhaustive
    def test_who_executes_it_again_is_told_when_it_fails_again(self, shell: Shell) -> None:
        mailbox = shell.world.mailbox()
        settle, parent = self.failed(shell)
        shell.world.break_next_export(fail="The key is disabled")
        assert not self.again(shell, settle, parent).success
        assert ["assumed" in mail["Message"] for mail in mailbox.read()] == [True, False]

    @pytest.mark.exhaustive
    def test_a_begin_executed_again_starts_what_ended_badly(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.break_next_export(fail="boom")
        (begin,) = shell.reconcile()
        parent = shell.run(begin).run_id
        until(lambda: statuses(shell) == ["FAILED"])
        assert self.again(shell, begin, parent).success
        assert statuses(shell) == ["FAILED", "COMPLETE"]


class TestHealing:
    """An outage of some minutes leaves nothing for a person to do."""

    @pytest.fixture(autouse=True)
    def at_once(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the minutes in which a step repeats itself."""
        for stage in ("export", "parquet"):
            monkeypatch.setattr(f"rds_lake.defs.assets.{stage}.RETRIES", dg.RetryPolicy(max_retries=0))
        shell.world.with_source(freshness_hours=0.0)
        shell.reload()

    @pytest.fixture
    def later(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
        """What time reconciliation thinks it is from now on."""

        def move(minutes: float) -> None:
            moment = datetime.now(UTC) + timedelta(minutes=minutes)
            monkeypatch.setattr("rds_lake.defs.sensors.reconcile.utc_now", lambda: moment)

        return move

    def away(self, monkeypatch: pytest.MonkeyPatch, *, stage: str = "relocate") -> pytest.MonkeyPatch:
        def unavailable(*_: object, **__: object) -> None:
            raise UnavailableError("s3 CopyObject answered 503: SlowDown; it can be repeated")

        monkeypatch.setattr(f"rds_lake.stages.databases.run.DatabaseRun.{stage}", unavailable)
        return monkeypatch

    def ended(self, shell: Shell) -> dg.RunRequest:
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.run(shell.reconcile()[0])
        (settle,) = until(shell.reconcile)
        return settle

    def test_a_date_that_failed_while_s3_was_away_is_finished_by_itself_and_nobody_is_woken(
        self, shell: Shell, later: Callable[[float], None]
    ) -> None:
        mailbox = shell.world.mailbox()
        settle = self.ended(shell)
        with pytest.MonkeyPatch.context() as patch:
            self.away(patch)
            assert not shell.run(settle).success
        later(5)
        assert ask_all(shell) == [], "there is a pause first"
        later(11)
        (again,) = shell.reconcile()
        assert again.partition_key == str(YESTERDAY)
        assert shell.run(again).success
        later(60)
        assert ask_all(shell) == []
        assert mailbox.read() == []
        assert statuses(shell) == ["COMPLETE"]

    @pytest.mark.exhaustive
    def test_an_outage_without_end_is_mailed_once_when_it_is_given_up(
        self, shell: Shell, later: Callable[[float], None]
    ) -> None:
        mailbox = shell.world.mailbox()
        request, tries = self.ended(shell), 0
        with pytest.MonkeyPatch.context() as patch:
            self.away(patch)
            while True:
                assert not shell.run(request).success
                later(1000)
                requests = shell.reconcile()
                if not requests:
                    break
                assert mailbox.read() == [], "it may still heal"
                (request,), tries = requests, tries + 1
        (mail,) = mailbox.read()
        assert tries > 3
        assert f"retried {tries} times" in mail["Message"]
        assert "503: SlowDown" in mail["Message"]

    @pytest.mark.exhaustive
    def test_a_begin_that_failed_while_rds_was_away_is_begun_again_and_blocks_nothing_afterwards(
        self, shell: Shell, later: Callable[[float], None]
    ) -> None:
        shell.world.snapshot(str(YESTERDAY), event=False)
        (begin,) = shell.reconcile()
        with pytest.MonkeyPatch.context() as patch:
            self.away(patch, stage="begin")
            assert not shell.run(begin).success
        later(11)
        (again,) = shell.reconcile()
        assert again.tags["rds_lake/trigger"] == "begin"
        ordered = begin.run_config["ops"]["shop__snapshot_export"]["config"]
        assert again.run_config == {"ops": {"shop__snapshot_export": {"config": ordered | {"tries": 1}}}}
        assert shell.run(again).success
        assert len(statuses(shell)) == 1

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("promised", ["true", "false"])
    def test_a_run_that_dagster_promises_to_retry_and_forgets_is_run_again(
        self, shell: Shell, later: Callable[[float], None], promised: str
    ) -> None:
        """Dagster's daemon reads the failure between its two writes, and never looks at the run again."""
        settle = self.ended(shell)
        tags = dict(settle.tags) | {"dagster/partition": str(YESTERDAY), "dagster/will_retry": promised}
        lost = dg.DagsterRun(
            job_name=shell.definitions.resolve_implicit_global_asset_job_def().name,
            tags=tags,
            run_config=settle.run_config,
            asset_selection=set(settle.asset_selection or ()),
            status=dg.DagsterRunStatus.FAILURE,
        )
        shell.instance.add_run(lost)  # type: ignore[attr-defined] - as Dagster leaves a run that did not start in time
        later(11)
        again = shell.reconcile()
        assert len(again) == (promised == "true"), "of any other run without a failed step a mail was sent"
        if again:
            assert shell.run(again[0]).success
            later(60)
            assert ask_all(shell) == []

    @pytest.mark.exhaustive
    def test_a_person_who_was_faster_is_not_followed_by_another_run(
        self, shell: Shell, later: Callable[[float], None]
    ) -> None:
        settle = self.ended(shell)
        with pytest.MonkeyPatch.context() as patch:
            self.away(patch)
            assert not shell.run(settle).success
        assert shell.materialize(str(YESTERDAY), "snapshot_export", "parquet").success
        later(11)
        assert ask_all(shell) == []

    def test_what_a_person_has_to_mend_is_mailed_at_once_and_not_repeated(
        self, shell: Shell, later: Callable[[float], None]
    ) -> None:
        mailbox = shell.world.mailbox()
        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.world.break_next_export(fail="The KMS key is disabled")
        shell.run(shell.reconcile()[0])
        (settle,) = until(shell.reconcile)
        assert not shell.run(settle).success
        assert len(mailbox.read()) == 1
        later(1000)
        assert ask_all(shell) == []


class TestTicks:
    def test_ticks_end_in_time_while_rds_throttles_everything(self, shell: Shell) -> None:
        for back in range(1, 9):
            shell.world.snapshot(str(TODAY - timedelta(days=back)))
        throttle = {"service": "rds", "operation": "DescribeDBSnapshots", "calls": 100_000}
        shell.world.cloud.faults.add(read_faults({"throttle": [throttle]}))
        for name in ("rds_lake_events", "rds_lake_reconciliation"):
            began = time.monotonic()
            assert shell.tick(name) == []
            assert time.monotonic() - began < 45, f"{name}: Dagster ends a tick after 60 s"

    @pytest.mark.exhaustive
    def test_a_queue_that_stops_answering_costs_nothing_that_was_received_before(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shell.world.snapshot(str(YESTERDAY))
        receive, answers = SqsGateway.receive, iter([True, False])

        def once(self: SqsGateway, **how: Any) -> Any:
            if next(answers):
                return receive(self, **how)
            raise UnavailableError("sqs ReceiveMessage answered 503")

        monkeypatch.setattr(SqsGateway, "receive", once)
        assert len(shell.tick()) == 1

    @pytest.mark.exhaustive
    def test_messages_that_may_not_be_deleted_do_not_stop_new_ones(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise AwsError(service="sqs", operation="DeleteMessageBatch", code="AccessDenied", message="no")

        shell.world.snapshot(str(YESTERDAY))
        assert len(shell.tick()) == 1
        (handle,) = json.loads(shell.cursor or "")["acknowledge"]
        with monkeypatch.context() as patch:
            patch.setattr(SqsGateway, "delete", refuse)
            shell.world.snapshot(str(TODAY), hour=0)
            assert [request.partition_key for request in shell.tick()] == [str(TODAY)]
        assert handle in json.loads(shell.cursor or "")["acknowledge"], "it is deleted when that is allowed again"

    @pytest.mark.exhaustive
    def test_a_source_that_cannot_be_looked_at_keeps_no_other_waiting_whatever_is_wrong(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (shop,) = shell.world.config.sources
        blog = shop.model_copy(update={"name": "blog", "identifier": "blog-prod"})
        shell.world.config = shell.world.config.model_copy(update={"sources": (blog, shop)})
        shell.reload()
        shell.world.snapshot(str(YESTERDAY), event=False, database="shop-prod")
        listed = RdsGateway.list_snapshots

        def broken(self: RdsGateway, about: Any, identifier: str, kinds: Any) -> Any:
            if identifier == "blog-prod":
                raise KeyError("SnapshotCreateTime")
            return listed(self, about, identifier, kinds)

        monkeypatch.setattr(RdsGateway, "list_snapshots", broken)
        assert [request.tags["rds_lake/source"] for request in shell.reconcile()] == ["shop"]
        assert "blog: KeyError: 'SnapshotCreateTime'" in capfd.readouterr().err

    @pytest.mark.exhaustive
    def test_a_remembered_export_of_a_date_that_has_no_partition_any_more_is_forgotten(self, shell: Shell) -> None:
        """lake.yaml has a later `start_date` by now; one such request fails every tick from then on."""
        gone = {"rank": 0, "snapshot_date": "2019-01-01", "source": "shop", "subject": "arn:aws:rds:x:y:snapshot:old"}
        cursor = {"turn": 1, "following": "", "waiting": [gone, gone | {"source": "no_source"}]}
        shell.cursors["rds_lake_reconciliation"] = json.dumps(cursor)
        (shop,) = shell.world.config.sources
        other = shop.model_copy(update={"name": "blog"})
        shell.world.config = shell.world.config.model_copy(update={"sources": (other, shop)})
        shell.reload()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rds_lake.defs.sensors.reconcile._TICK_SECONDS", -1)  # no source is looked at
            assert shell.reconcile() == []
        assert json.loads(shell.cursors["rds_lake_reconciliation"] or "")["waiting"] == []

    @pytest.mark.exhaustive
    def test_exports_that_cannot_be_counted_keep_no_ended_one_waiting(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise AwsError(service="rds", operation="DescribeExportTasks", code="AccessDenied", message="no")

        shell.world.snapshot(str(YESTERDAY), event=False)
        shell.run(shell.reconcile()[0])
        until(lambda: statuses(shell) == ["COMPLETE"])
        shell.world.snapshot(str(TODAY - timedelta(days=2)), event=False)
        monkeypatch.setattr(RdsGateway, "list_running_exports", refuse)
        (settle,) = until(shell.reconcile)
        assert settle.tags["rds_lake/trigger"] == "settle"


class TestTold:
    """A mail about one thing keeps no mail about another from being sent."""

    def stuck(self, shell: Shell) -> None:
        shell.world.break_next_export(stuck=True)
        shell.world.run().begin(YESTERDAY)

    def test_an_export_that_hangs_is_reported_whatever_failed_of_the_date_before(self, shell: Shell) -> None:
        shell.world.with_source(export_timeout_hours=1e-4, freshness_hours=0.0)
        shell.reload()
        assert not shell.materialize(str(YESTERDAY), "snapshot_export", "parquet").success, "there is no snapshot yet"
        shell.world.snapshot(str(YESTERDAY), event=False)
        self.stuck(shell)
        (incident,) = until(shell.reconcile)
        assert "stuck" in incident.run_key

    @pytest.mark.exhaustive
    def test_a_run_that_gave_up_waiting_for_it_is_reported_and_the_incident_not_again(self, shell: Shell) -> None:
        shell.world.with_source(export_timeout_hours=1e-4, freshness_hours=0.0)
        shell.reload()
        shell.world.snapshot(str(YESTERDAY), event=False)
        self.stuck(shell)
        until(lambda: shell.world.gateways.rds.list_export_tasks()[0].started_at)
        assert not shell.materialize(str(YESTERDAY), "snapshot_export", "parquet").success
        time.sleep(0.5)
        assert shell.reconcile() == []

    @pytest.mark.exhaustive
    def test_a_begin_that_failed_blocks_nothing_once_a_later_one_was_refused_a_place(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AwsError(service="rds", operation="StartExportTask", code="AccessDenied", message="no")

        shell.world.snapshot(str(YESTERDAY), event=False)
        (begin,) = shell.reconcile()
        with monkeypatch.context() as patch:
            patch.setattr(RdsGateway, "start_export", refuse)
            assert not shell.run(begin).success
        assert shell.reconcile() == [], "a person has to give the right first"
        with monkeypatch.context() as patch:
            patch.setattr("rds_lake.stages.databases.run.DatabaseRun.begin", lambda *_: None)  # no place
            assert shell.run(begin).success
        (again,) = shell.reconcile()
        assert again.partition_key == str(YESTERDAY)


@pytest.mark.usefixtures("a_day_of_twenty_minutes")
class TestDynamo:
    """One date of a DynamoDB source that cannot be looked at keeps no other date waiting, nor does one conversion."""

    @pytest.fixture
    def dynamo(self, shell: Shell) -> DynamoWorld:
        world = shell.world
        world.with_glue(glue_runs=1)
        export_at = f"{datetime.now(UTC) - timedelta(minutes=20):%H:%M}"
        start = (TODAY - timedelta(days=9)).isoformat()
        dynamo = world.of_dynamodb(
            start_date=start, athena=False, export_at=export_at, freshness_hours=0, converter="glue"
        )
        dynamo.clock(datetime.now(UTC) - timedelta(days=9))
        dynamo.create("Reviews", {"id": {"S": "1"}})
        dynamo.create("Users")
        dynamo.clock(None)
        shell.reload()
        return dynamo

    def test_the_newest_date_is_begun_beside_damaged_ones(
        self, shell: Shell, dynamo: DynamoWorld, capfd: pytest.CaptureFixture[str]
    ) -> None:
        world = shell.world
        layout = world.gateways.layout
        damaged = [TODAY - timedelta(days=back) for back in (1, 2)]
        for day, text in zip(damaged, ("{", '{"version": 99}'), strict=True):
            world.root.s3.put_text(layout.bucket, layout.begun_set_key("reviews", day), text, kms_key=None)
        key = layout.job_set_key("reviews", "reviews-2026-11-20")
        world.root.s3.put_text(layout.bucket, key, "[" * 5_000, kms_key=None)
        asked = [r for r in shell.reconcile() if date.fromisoformat(r.partition_key or "") not in damaged]
        assert [request.tags["rds_lake/trigger"] for request in asked] == ["begin"]
        said = capfd.readouterr().err
        assert all(f"{day}: " in said for day in damaged)
        assert "reviews-2026-11-20" in said

    @pytest.mark.exhaustive
    def test_a_new_source_is_not_called_stale_while_its_first_date_is_being_made(
        self, shell: Shell, dynamo: DynamoWorld
    ) -> None:
        """Neither while the run that begins it is queued, nor while its exports' end is left to its event."""
        shell.world.with_source(freshness_hours=36.0)
        shell.grace_seconds = 600
        shell.reload()
        (begin,) = shell.reconcile()
        job = shell.definitions.resolve_implicit_global_asset_job_def().name
        tags = dict(begin.tags) | {"dagster/partition": begin.partition_key or ""}
        asked = {"tags": tags, "run_config": begin.run_config}
        queued = dg.DagsterRun(job_name=job, status=dg.DagsterRunStatus.NOT_STARTED, **asked)
        shell.instance.add_run(queued)  # type: ignore[attr-defined]
        assert shell.reconcile() == []
        assert shell.run(begin).success
        assert shell.reconcile() == []
        until(
            lambda: all(one["ExportStatus"] == "COMPLETED" for t in ("Reviews", "Users") for one in dynamo.exports(t))
        )
        assert shell.reconcile() == []


@pytest.mark.exhaustive
def test_daily_work_goes_before_every_backfill_however_unimportant_its_source(shell: Shell) -> None:
    """A run of a backfill has the priority 0."""
    keys = {"shop": StageKeys.of(shell.world.config.sources[0])}

    def place(trigger: Any, priority: int) -> int:
        shell.world.with_source(priority=priority)
        wanted = WantedRun(
            key="k", source="shop", snapshot_date=date(2026, 11, 20), trigger=trigger, whole_source=False, subject="s"
        )
        return int(run_request(wanted, shell.world.config, keys).tags["dagster/priority"])

    assert place("scan", -1_000_000) > 0
    assert place("begin", -1_000_000) > place("settle", 1_000_000) > place("scan", 1_000_000)
    assert place("settle", 2) > place("settle", 1)
