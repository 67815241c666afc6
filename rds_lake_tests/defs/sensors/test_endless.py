"""One source or date that takes all of a tick, in every tick, keeps no other waiting; nor do hundreds of failed runs."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.defs.keys import StageKeys
from rds_lake.defs.sensors.run_log import open_run_log
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import until

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


class Ended(BaseException):
    """Dagster ends the tick."""


@pytest.fixture(autouse=True)
def to_the_parquet_only(shell: Shell) -> None:
    shell.world.with_source(athena=False)
    shell.reload()


def with_others(shell: Shell, names: Sequence[str], **settings: Any) -> None:
    """Sources before the shop, whose databases do not exist."""
    (shop,) = shell.world.config.sources
    others = [shop.model_copy(update={"name": name, "identifier": f"{name}-prod"} | settings) for name in names]
    shell.world.config = shell.world.config.model_copy(update={"sources": (*others, shop)})
    shell.reload()


def test_sources_that_end_every_tick_keep_no_other_waiting_and_are_examined_when_they_are_mended(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster stores nothing of a tick that it ends after 60 s. Mutations that fail it: begin with the cursor's source; leave out
    only the source that ended the tick before.
    """
    with_others(shell, ["blog", "news"])
    shell.world.snapshot(str(YESTERDAY), event=False, database="shop-prod")
    listed, broken, looked = RdsGateway.list_snapshots, {"blog-prod", "news-prod"}, []

    def endless(self: RdsGateway, about: Any, identifier: str, kinds: Any) -> Any:
        looked.append(identifier)
        if identifier in broken:
            raise Ended
        return listed(self, about, identifier, kinds)

    def ticks(many: int) -> list[str]:
        asked: list[dg.RunRequest] = []
        for _ in range(many):
            before = shell.cursors.get("rds_lake_reconciliation") or '{"version": 1, "turn": 7}'
            shell.cursors["rds_lake_reconciliation"] = before
            with suppress(Ended):
                asked += shell.reconcile()
        return [request.tags["rds_lake/source"] for request in asked]

    monkeypatch.setattr(RdsGateway, "list_snapshots", endless)
    assert ticks(3) == ["shop"]
    looked.clear()
    ticks(4)
    assert set(looked) == {"blog-prod", "news-prod", "shop-prod"}
    broken.clear()
    ticks(3)
    looked.clear()
    ticks(1)
    assert set(looked) == {"blog-prod", "news-prod", "shop-prod"}


def test_dates_for_which_a_tick_has_no_time_are_reported_and_the_tick_ends(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Mutation that fails it: look at every date of the source, however late it is."""
    for back in (1, 2, 3):
        shell.world.snapshot(str(TODAY - timedelta(days=back)), event=False)
    monkeypatch.setattr("rds_lake.defs.sensors.reconcile._STARTING_SECONDS", -20)
    looked: list[str] = []
    exports = RdsGateway.list_export_tasks
    monkeypatch.setattr(
        RdsGateway, "list_export_tasks", lambda self, **how: looked.append(str(how)) or exports(self, **how)
    )
    assert shell.reconcile() == []
    assert looked == []
    assert f"shop: {TODAY}: this date and others could not be compared" in capfd.readouterr().err


def test_incidents_that_last_take_no_places_of_other_runs(shell: Shell) -> None:
    """Each tick finds them again with the same key. Mutation that fails it: the first requests of each tick."""
    shell.world.snapshot(str(YESTERDAY), event=False)
    shell.run(shell.reconcile()[0])
    until(lambda: shell.world.gateways.rds.list_export_tasks()[0].status.value == "COMPLETE")
    with_others(shell, [f"gone_{number}" for number in range(7)], freshness_hours=1e-3)
    asked = [request for _ in range(3) for request in shell.reconcile()]
    assert {request.tags["rds_lake/source"] for request in asked} == {"shop", *(f"gone_{n}" for n in range(7))}


def failed_runs(shell: Shell, days: Sequence[date], *, source: str = "shop") -> None:
    """Runs that Dagster promised to retry and forgot."""
    for day in days:
        lost = dg.DagsterRun(
            job_name=shell.definitions.resolve_implicit_global_asset_job_def().name,
            tags={"dagster/partition": str(day), "dagster/will_retry": "true"},
            asset_selection={dg.AssetKey([source, name]) for name in ("snapshot_export", "parquet")},
            status=dg.DagsterRunStatus.FAILURE,
        )
        shell.instance.add_run(lost)  # type: ignore[attr-defined] - as Dagster leaves a run that did not start in time


def asked_about_later_runs(monkeypatch: pytest.MonkeyPatch) -> list[dg.RunsFilter]:
    """The questions to Dagster about runs that began after a time, from now on."""
    questions: list[dg.RunsFilter] = []
    records = dg.DagsterInstance.get_run_records

    def counted(self: dg.DagsterInstance, filters: Any = None, *args: Any, **how: Any) -> Any:
        if filters is not None and filters.created_after:
            questions.append(filters)
        return records(self, filters, *args, **how)

    monkeypatch.setattr(dg.DagsterInstance, "get_run_records", counted)
    return questions


def test_all_of_many_failed_dates_are_requested_again_with_few_questions_a_tick(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the runs that a tick requested never begin. Mutations that fail it: ask about the later runs of each failed run; no
    memory of what was requested.
    """
    days = [YESTERDAY - timedelta(days=back) for back in range(12)]
    failed_runs(shell, days)
    moment = datetime.now(UTC) + timedelta(minutes=11)
    monkeypatch.setattr("rds_lake.defs.sensors.reconcile.utc_now", lambda: moment)
    questions = asked_about_later_runs(monkeypatch)
    asked = [
        str(r.partition_key) for _ in range(4) for r in shell.reconcile() if (r.run_key or "").startswith("again:")
    ]
    assert sorted(asked) == sorted(str(day) for day in days)
    assert len(questions) <= 4 * 5, "a tick asks about no more dates than it requests"


def test_failed_runs_of_many_sources_of_a_date_take_one_question(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer has the runs of all sources. Mutation that fails it: read the date's runs for each failed run."""
    names = [f"source_{number}" for number in range(4)]
    with_others(shell, names)
    for name in names:
        failed_runs(shell, [YESTERDAY], source=name)
    moment = datetime.now(UTC) + timedelta(minutes=11)
    monkeypatch.setattr("rds_lake.defs.sensors.reconcile.utc_now", lambda: moment)
    questions = asked_about_later_runs(monkeypatch)
    assert len([r for r in shell.reconcile() if (r.run_key or "").startswith("again:")]) == len(names)
    assert len(questions) == 1


def test_a_run_that_a_later_one_followed_is_not_requested_again_in_any_tick(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_runs(shell, [YESTERDAY, YESTERDAY - timedelta(days=1), YESTERDAY])
    later = dg.DagsterRun(
        job_name="__ASSET_JOB",
        tags={"dagster/partition": str(YESTERDAY)},
        asset_selection={dg.AssetKey(["shop", "parquet"])},
    )
    shell.instance.add_run(later)  # type: ignore[attr-defined]
    moment = datetime.now(UTC) + timedelta(minutes=11)
    monkeypatch.setattr("rds_lake.defs.sensors.reconcile.utc_now", lambda: moment)
    asked = [r.partition_key for _ in range(3) for r in shell.reconcile() if (r.run_key or "").startswith("again:")]
    assert asked == [str(YESTERDAY - timedelta(days=1))]


def test_a_run_by_hand_is_seen_among_the_runs_of_hundreds_of_sources_of_its_date(shell: Shell) -> None:
    """And what other jobs of a project did on that date is not read. Mutations that fail it: look at the newest 200 runs of the
    date; read the events of each run first.
    """
    keys = {"shop": StageKeys.of(shell.world.config.sources[0])}
    job, tags = "__ASSET_JOB", {"dagster/partition": str(YESTERDAY)}
    by_hand = dg.DagsterRun(
        job_name=job, tags=tags, asset_selection=frozenset(keys["shop"].whole), status=dg.DagsterRunStatus.STARTED
    )
    others = [
        dg.DagsterRun(
            job_name=job,
            tags=tags,
            status=dg.DagsterRunStatus.SUCCESS,
            asset_selection=None if number % 2 else frozenset([dg.AssetKey([f"source_{number}", "snapshot_export"])]),
        )
        for number in range(220)
    ]
    for run in (by_hand, *others):
        shell.instance.add_run(run)  # type: ignore[attr-defined]
    log = open_run_log(shell.instance, shell.world.gateways, shell.world.config, keys, now=datetime.now(UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "get_records_for_run", lambda *_, **__: pytest.fail("events were read"))
        assert log.by_hand("shop", YESTERDAY, since=datetime.now(UTC))
