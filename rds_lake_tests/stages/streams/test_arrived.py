"""Changes that Firehose wrote: each counts once, live rows follow them, and the next snapshot says what was lost or never was."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rds_lake.model.streams.drift import TableDrift
from rds_lake_tests.stages.streams.arrived_bench import ArrivedBench
from rds_lake_tests.stages.streams.calls import Rows, Sent, Writers, lossy
from rds_lake_tests.support.world import World

START = datetime(2026, 11, 20, 3, tzinfo=UTC)
_CALM = timedelta(minutes=10)


@pytest.fixture(params=["postgres", "mysql"])
def bench(request: pytest.FixtureRequest, world: World) -> ArrivedBench:
    return ArrivedBench(world.root.lake, world.query, engine=request.param)


def keys_named(drift: TableDrift) -> set[str]:
    rows = (*drift.missing_rows, *drift.extra_rows, *drift.different_rows, *drift.lost_rows, *drift.phantom_rows)
    return {row.key.removeprefix("id=") for row in rows}


def written(
    bench: ArrivedBench, *, seed: int, changes: int, keys: int, **way: float
) -> tuple[TableDrift, list[Sent], Rows, Rows]:
    """Two snapshots with changes between them that took this way: the audit, what was lost, the later rows, and those predicted."""
    phantom = way.pop("phantom_percent", 0)
    writers = Writers(seed=seed, keys=keys, start=START, xids=bench.engine == "postgres")
    writers.write(keys)
    writers.pause(_CALM)
    earlier = bench.snapshot(writers.rows, writers.now)
    first = len(writers.sent)
    writers.pause(_CALM)
    writers.write(changes, phantom_percent=phantom)
    writers.pause(_CALM)
    writers.pause(timedelta(days=1))
    later = bench.snapshot(writers.rows, writers.now)
    arrived, lost = lossy(writers.sent[first:], seed, **way)
    bench.deliver(arrived, per_object=7)
    done = bench.collect(writers.now + timedelta(hours=4))
    assert done.rows == len({one.id for _, one in arrived})
    assert done.repeated == len(arrived) - done.rows
    return bench.audit(earlier, later, named=10**6), lost, writers.rows, bench.live(earlier, done.record.cut)


def test_a_clean_way_raises_no_alarm_and_live_is_the_table(bench: ArrivedBench) -> None:
    drift, lost, rows, live = written(bench, seed=1, changes=300, keys=40, repeat_percent=5)
    assert (lost, drift.is_clean, live) == ([], True, rows)
