"""The chain of one key: nothing is wrong where nothing was lost, and what was lost or rolled back is counted apart."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.streams.chain import ANY_STATE, Audit, Bounds, Touch, audit, in_order

BOUNDS = Bounds(earlier_until=0, later_from=10**9)


def chain(*states: int, first: int | None = None, last: int | None = None) -> list[Touch]:
    """Changes from state to state, a second apart; the snapshots have the first and the last of them, or other ones."""
    pairs = list(pairwise(states))
    return [touch(at, before, after, first=states[0] if first is None else first, last=states[-1] if last is None else last)
            for at, (before, after) in enumerate(pairs, start=1)]  # fmt: skip


def touch(at: int, before: int, after: int, *, first: int, last: int, xid: int | None = None) -> Touch:
    return Touch(
        micros=at * 1_000_000, before=before, after=after, xid=xid, was_earlier=before == first, is_earlier=after == first,
        was_later=before == last, is_later=after == last,
    )  # fmt: skip


histories = st.lists(st.integers(0, 4), min_size=2, max_size=12).map(
    lambda states: [state for at, state in enumerate(states) if not at or state != states[at - 1]]
)


@given(histories.filter(lambda states: len(states) > 1))
def test_a_whole_chain_is_clean_whatever_its_rows_come_back_to(states: list[int]) -> None:
    assert audit(chain(*states), BOUNDS) == Audit()


@given(histories.filter(lambda states: len(states) > 1), st.randoms(use_true_random=False))
def test_changes_of_one_statement_have_one_time_and_are_ordered_by_their_images(
    states: list[int], random: object
) -> None:
    distinct = list(range(10, 10 + len(states)))
    touches = [replace(one, micros=5) for one in chain(*distinct)]
    random.shuffle(touches)  # type: ignore[attr-defined]
    assert [one.before for one in in_order(touches, 0)] == distinct[:-1]
    assert audit(touches, BOUNDS) == Audit()


@given(st.integers(3, 12), st.data())
def test_each_run_of_lost_changes_is_one_break(length: int, data: st.DataObject) -> None:
    states = list(range(1, length + 1))
    lost = data.draw(st.sets(st.integers(1, length - 3) if length > 3 else st.nothing(), max_size=length - 3))
    touches = [one for at, one in enumerate(chain(*states)) if at not in lost]
    runs = sum(at - 1 not in lost for at in lost)
    assert audit(touches, BOUNDS) == Audit(lost=runs)


def test_a_lost_first_change_is_a_break_and_a_lost_last_one_leaves_the_row_unexplained() -> None:
    assert audit(chain(1, 2, 3, 4)[1:], BOUNDS) == Audit(lost=1)
    assert audit(chain(1, 2, 3, 4)[:-1], BOUNDS) == Audit(unexplained=True)


def test_a_change_that_nobody_continues_while_the_row_goes_on_was_rolled_back() -> None:
    real = chain(1, 2, 3)
    phantom = touch(1.5, 2, 9, first=1, last=3)  # type: ignore[arg-type]
    assert audit([*real, phantom], BOUNDS) == Audit(phantom=1)
    assert audit([*real, replace(phantom, micros=9_000_000, before=3, was_later=True)], BOUNDS) == Audit(phantom=1)


def test_several_changes_of_one_transaction_are_rolled_back_together_and_of_several_ones_are_a_loss() -> None:
    def rolled_back(*xids: int | None) -> Audit:
        changes = [touch(2, 2, 8, first=1, last=3, xid=xids[0]), touch(3, 8, 9, first=1, last=3, xid=xids[1])]
        return audit([touch(1, 1, 2, first=1, last=3), *changes, touch(4, 2, 3, first=1, last=3)], BOUNDS)

    assert rolled_back(7, 7) == Audit(phantom=2)
    assert rolled_back(7, 8) == rolled_back(None, None) == Audit(lost=1)


def test_a_change_that_waited_for_the_row_has_an_earlier_time_than_the_one_it_waited_for() -> None:
    waited = replace(chain(1, 2, 3, 4)[2], micros=1_500_000)
    touches = [*chain(1, 2, 3, last=4), replace(waited, is_later=True)]
    assert audit(touches, replace(BOUNDS, lock_wait=60_000_000)) == Audit()
    assert audit(touches, BOUNDS).lost


def test_a_truncate_ends_every_row_and_one_that_was_rolled_back_ends_none() -> None:
    truncate = Touch(micros=1_500_000, before=ANY_STATE, after=0)
    assert audit([*chain(1, 2, last=0), replace(truncate, is_later=True)], BOUNDS) == Audit()
    assert audit([*chain(1, 2, 3), truncate], BOUNDS) == Audit(phantom=1)


def test_images_with_other_columns_are_not_compared() -> None:
    altered = replace(chain(1, 2, 3)[1], before=7, before_shape=5)
    assert audit([replace(chain(1, 2, 3)[0], after_shape=4), altered], BOUNDS) == Audit()


def test_changes_near_a_snapshot_may_be_in_it_or_not() -> None:
    early = [replace(one, micros=one.micros - 2_500_000) for one in chain(1, 2, 3, 4, first=2)]
    assert audit(early, BOUNDS) == Audit()
    late = [replace(one, micros=one.micros + 10**9) for one in chain(1, 2, 3, 4, last=2)]
    assert audit(late, BOUNDS) == Audit()
    far = [replace(one, micros=one.micros + 1) for one in chain(1, 2, 3, 4, last=2)]
    assert audit(far, BOUNDS) == Audit(unexplained=True)
