"""What retention keeps: enough of the past, never less than the newest date, and the same when asked again."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.shared import Retention
from rds_lake.model.lake.retention import keep

TODAY = date(2026, 11, 21)
days = st.dates(date(2025, 6, 1), date(2026, 12, 1))
some_days = st.frozensets(days, max_size=60)
retentions = st.builds(
    Retention,
    daily=st.integers(1, 10),
    weekly=st.integers(0, 10),
    monthly=st.integers(0, 14),
)


def every_day(count: int) -> list[date]:
    return [TODAY - timedelta(days=back) for back in range(count)]


def test_a_year_of_daily_dates_becomes_days_then_weeks_then_months() -> None:
    kept = keep(every_day(400), Retention(daily=3, weekly=3, monthly=4), TODAY)
    assert [day.isoformat() for day in sorted(kept, reverse=True)] == [
        "2026-11-21",
        "2026-11-20",
        "2026-11-19",
        "2026-11-15",
        "2026-11-08",
        "2026-10-31",
        "2026-09-30",
        "2026-08-31",
    ]
    assert kept[date(2026, 11, 15)] == "newest of week 2026-W46"
    assert kept[date(2026, 10, 31)] == "newest of 2026-10"


def test_weeks_are_iso_weeks_across_the_end_of_a_year() -> None:
    dates = [date(2026, 12, 28) + timedelta(days=n) for n in range(7)]  # 2026-W53, Monday to Sunday
    assert set(keep(dates, Retention(daily=1, weekly=2, monthly=0), date(2027, 1, 4))) == {date(2027, 1, 3)}


def test_a_source_that_stopped_long_ago_keeps_its_newest_days() -> None:
    dates = [date(2020, 1, 1) + timedelta(days=n) for n in range(10)]
    assert len(keep(dates, Retention(daily=3, weekly=8, monthly=12), TODAY)) == 3


@given(some_days, retentions, days)
def test_the_newest_date_is_always_kept_and_nothing_is_invented(
    dates: frozenset[date], retention: Retention, today: date
) -> None:
    kept = set(keep(dates, retention, today))
    assert kept <= dates
    assert not dates or max(dates) in kept


@given(some_days, retentions, days)
def test_keeping_what_was_kept_removes_nothing_more(dates: frozenset[date], retention: Retention, today: date) -> None:
    kept = keep(dates, retention, today)
    assert keep(kept, retention, today) == kept


@given(some_days, retentions, days, st.tuples(*[st.integers(0, 5)] * 3))
def test_a_more_generous_retention_keeps_at_least_as_much(
    dates: frozenset[date], retention: Retention, today: date, more: tuple[int, int, int]
) -> None:
    generous = Retention(
        daily=retention.daily + more[0], weekly=retention.weekly + more[1], monthly=retention.monthly + more[2]
    )
    assert set(keep(dates, retention, today)) <= set(keep(dates, generous, today))


@given(some_days, retentions, days, st.integers(0, 40), st.integers(1, 20))
def test_a_date_given_up_once_is_never_wanted_back(
    dates: frozenset[date], retention: Retention, today: date, later: int, newer: int
) -> None:
    grown = dates | {max(dates, default=today) + timedelta(days=newer)}
    assert set(keep(grown, retention, today + timedelta(days=later))) & dates <= set(keep(dates, retention, today))
