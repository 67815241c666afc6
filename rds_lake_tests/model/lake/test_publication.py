"""Which date readers may be shown: never an older one by itself, never one a person went back from."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.lake.publication import Pointer, State, arriving, rolling_back, still_rolled_back, waiting

DAYS = st.integers(0, 6).map(lambda number: date(2026, 11, 14) + timedelta(days=number))


def shown(day: date, rolled_back_from: date | None) -> Pointer:
    return Pointer(snapshot_date=day, export_task="t-1", rolled_back_from=rolled_back_from)


@given(st.lists(st.tuples(st.sampled_from(["run", "publish", "rollback"]), DAYS), max_size=20), st.booleans())
def test_whatever_arrives_in_whatever_order_a_run_only_moves_views_to_a_date_nobody_went_back_from(
    steps: list[tuple[str, date]], manual: bool
) -> None:
    pointer: Pointer | None = None
    refused: set[date] = set()
    for who, day in steps:
        before = pointer.snapshot_date if pointer else None
        if who == "rollback" and pointer and before and day < before:
            refused |= {before} | {d for d in refused if d > day}
            pointer = shown(day, rolling_back(pointer))
        elif who == "publish" and (before is None or day >= before):
            refused = {d for d in refused if d > day}
            pointer = shown(day, still_rolled_back(pointer, day))
        elif who == "run" and arriving(pointer, day, manual=manual) is State.PUBLISHED:
            assert before is None or day >= before
            assert day not in refused
            assert not manual or day == before
            refused = {d for d in refused if d > day}
            pointer = shown(day, still_rolled_back(pointer, day))


def test_the_first_date_newer_than_the_bad_one_is_published_again() -> None:
    pointer = shown(date(2026, 11, 18), date(2026, 11, 20))
    outcomes = {day: arriving(pointer, date(2026, 11, day), manual=False) for day in range(17, 22)}
    assert outcomes == {
        17: State.OLDER,
        18: State.PUBLISHED,
        19: State.ROLLED_BACK,
        20: State.ROLLED_BACK,
        21: State.PUBLISHED,
    }


def test_only_newer_dates_wait_and_only_where_a_person_publishes() -> None:
    pointer, days = shown(date(2026, 11, 18), None), {date(2026, 11, day) for day in range(16, 21)}
    assert waiting(pointer, days, manual=True) == (date(2026, 11, 19), date(2026, 11, 20))
    assert waiting(pointer, days, manual=False) == ()
