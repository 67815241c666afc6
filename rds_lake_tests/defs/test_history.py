"""Dagster's history stays as long as somebody needs it, and goes then: runs with their events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from rds_lake.config.lake_yaml import load_config
from rds_lake.defs import history
from rds_lake.defs.build import build_definitions
from rds_lake.defs.history import History, history_schedule
from rds_lake.demo.stack import DEMO_CONFIG
from rds_lake.errors import ConfigError
from rds_lake_tests.defs.shell import quick_instance

DATES = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-02-01")


@dg.asset(partitions_def=DATES)
def orders() -> None: ...


@dg.asset
def retention() -> None: ...


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with quick_instance() as quick:
        yield quick


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, day: str | None = None) -> str:
    return dg.materialize([asset], instance=instance, partition_key=day).run_id


def remove(instance: dg.DagsterInstance, *dates: str, after: timedelta = timedelta(days=1), limit: int = 99) -> int:
    ended_before = datetime.now(UTC) + after
    return History(
        instance=instance, ended_before=ended_before, dates={date.fromisoformat(day) for day in dates}
    ).remove(limit=limit)


def left(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_the_runs_of_a_date_go_when_the_date_has_left_the_lake(instance: dg.DagsterInstance) -> None:
    gone, there = run(instance, orders, "2026-01-02"), run(instance, orders, "2026-01-03")
    assert remove(instance, "2026-01-03") == 1
    assert left(instance) == {there}
    assert instance.get_materialized_partitions(orders.key) == {"2026-01-03"}
    assert not instance.all_logs(gone)


def test_of_what_has_no_dates_the_last_materialization_stays(instance: dg.DagsterInstance) -> None:
    runs = [run(instance, retention) for _ in range(3)]
    assert remove(instance) == 2
    assert left(instance) == {runs[-1]}


def test_what_ended_later_stays(instance: dg.DagsterInstance) -> None:
    young = run(instance, orders, "2026-01-02")
    assert remove(instance, after=-timedelta(hours=1)) == 0
    assert left(instance) == {young}


def test_a_failed_run_goes_as_well(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def broken() -> None:
        raise dg.Failure("on purpose")

    dg.materialize([broken], instance=instance, raise_on_error=False)
    assert (remove(instance), left(instance)) == (1, set())


def test_all_pages_are_looked_at_whatever_stays_on_them(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_PAGE", 2)
    days = ["2026-01-02", "2026-01-02", "2026-01-03", "2026-01-02", "2026-01-03", "2026-01-03", "2026-01-02"]
    runs = [run(instance, orders, day) for day in days]
    assert remove(instance, "2026-01-03") == 4
    assert left(instance) == {one for one, day in zip(runs, days, strict=True) if day == "2026-01-03"}


def test_years_of_history_go_in_several_days_the_oldest_first(instance: dg.DagsterInstance) -> None:
    runs = [run(instance, orders, "2026-01-02") for _ in range(3)]
    assert remove(instance, limit=2) == 2
    assert left(instance) == {runs[-1]}


def test_less_history_than_late_messages_and_reconciliation_need_is_refused() -> None:
    config = load_config(DEMO_CONFIG)
    with pytest.raises(ConfigError, match=r"RDS_LAKE_HISTORY_DAYS is 7.*set it to 30 or more"):
        history_schedule(config, 7)


def test_a_lake_removes_history_only_where_it_is_told_to() -> None:
    config = load_config(DEMO_CONFIG)
    names = [{one.name for one in build_definitions(config, history_days=days).schedules or ()} for days in (None, 90)]
    assert names[1] - names[0] == {"rds_lake_history_schedule"}
    assert not names[0] - names[1]
