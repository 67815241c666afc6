"""Schedules: what lake.yaml takes is what Dagster takes."""

import warnings

import dagster as dg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rds_lake.model.cron import cron_problem


def dagster_takes(schedule: str) -> bool:
    @dg.job
    def nothing() -> None: ...

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found a cron schedule with an interval")
        try:
            dg.ScheduleDefinition(name="s", cron_schedule=schedule, job=nothing)
        except (dg.DagsterInvalidDefinitionError, ValueError):
            return False
    return True


def _field(least: int, greatest: int, *words: str) -> st.SearchStrategy[str]:
    value = st.one_of(st.integers(least, greatest).map(str), st.sampled_from(words or ("*",)))
    number = st.integers(least, greatest)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, greatest)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(st.one_of(st.just("*"), value, span, step), min_size=1, max_size=3).map(",".join)


_LEGAL = st.tuples(
    _field(0, 59),
    _field(0, 23),
    _field(1, 31, "l", "L"),
    _field(1, 12, "jan", "DEC"),
    _field(0, 7, "sun", "FRI", "5#1", "L5"),
).map(" ".join)


@settings(max_examples=50)
@given(_LEGAL)
@example("@daily")
@example("0 3 l * *")
def test_dagster_takes_what_is_taken_here(schedule: str) -> None:
    if cron_problem(schedule) is None:
        assert dagster_takes(schedule)


@settings(max_examples=50)
@given(st.one_of(_LEGAL, st.lists(st.text("0123456789*/-,#lx ", max_size=4), max_size=6).map(" ".join)))
@example("60 * * * *")
@example("* 24 * * *")
@example("* * 0 * *")
@example("* * * 13 *")
@example("* * * * 8")
@example("*/0 * * * *")
@example("* * * *")
@example("0 3 * * * *")
@example("daily")
@example("")
def test_what_dagster_refuses_is_refused_here(schedule: str) -> None:
    if not dagster_takes(schedule):
        assert cron_problem(schedule) is not None


@pytest.mark.parametrize("schedule", ["20 6 * * *", "0 3 * * mon-fri", "*/15 0-6,22 1,15 jan,JUL 0", "0 0 29 2 *"])
def test_ordinary_schedules_are_taken(schedule: str) -> None:
    assert cron_problem(schedule) is None
    assert dagster_takes(schedule)


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 30 2 1", "0 0 31 2,4,jun *"])
def test_a_day_that_no_year_has_is_refused(schedule: str) -> None:
    assert "no month it names has such a day" in str(cron_problem(schedule))
