"""Chains of whole tables, as writers make them: a clean way never raises an alarm, whatever they did."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.model.streams.chain import Audit, Bounds, Touch, audit
from rds_lake.sql.changes.arrived import micros
from rds_lake.stages.streams.compaction.states import state_of
from rds_lake_tests.stages.streams.collecting.calls import Row, Rows, Sent, Writers

_START = datetime(2026, 11, 20, tzinfo=UTC)


def touches_of(sent: list[Sent], earlier: Rows, later: Rows) -> dict[str, list[Touch]]:
    """The changes of each key, with what they have to do with both snapshots."""
    chains: dict[str, list[Touch]] = defaultdict(list)
    for one in sent:
        first, last = earlier.get(one.key), later.get(one.key)
        chains[one.key].append(_touch(one, first, last))
    return chains


def _touch(one: Sent, first: Row | None, last: Row | None) -> Touch:
    return Touch(
        micros=micros(one.at), before=state_of(one.old), after=state_of(one.new), xid=one.xid, was_earlier=one.old == first,
        is_earlier=one.new == first, was_later=one.old == last, is_later=one.new == last,
    )  # fmt: skip


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    values=st.sampled_from([2, 3, 10**6]),
    waits=st.sampled_from([0, 30]),
    seconds=st.sampled_from([0.001, 1, 60]),
)
def test_nothing_is_reported_of_changes_that_all_arrived(seed: int, values: int, waits: int, seconds: float) -> None:
    writers = Writers(seed=seed, keys=4, start=_START, xids=not waits, values=values, wait_percent=waits)
    writers.write(10, seconds=seconds)
    earlier, begun = dict(writers.rows), writers.now
    writers.pause(timedelta(minutes=10))
    first = len(writers.sent)
    writers.write(60, seconds=seconds)
    bounds = Bounds(
        earlier_until=micros(begun), later_from=micros(writers.now) + 10**9, lock_wait=60_000_000 if waits else 0
    )
    chains = touches_of(writers.sent[first:], earlier, writers.rows)
    assert {key: audit(touches, bounds) for key, touches in chains.items()} == dict.fromkeys(chains, Audit())
