"""A day of writers whose changes take a bad way to the lake, and what the next snapshot says of it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rds_lake.model.streams.drift import TableDrift
from rds_lake_tests.stages.streams.collecting.arrived_bench import ArrivedBench
from rds_lake_tests.stages.streams.collecting.calls import Rows, Sent, Writers, lossy

START = datetime(2026, 11, 20, 3, tzinfo=UTC)
_CALM = timedelta(minutes=10)


def keys_named(drift: TableDrift) -> set[str]:
    rows = (*drift.missing_rows, *drift.extra_rows, *drift.different_rows, *drift.lost_rows, *drift.phantom_rows)
    return {row.key.removeprefix("id=") for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What became of a day's changes. `final`: keys whose row is not what the last arrived change left, by a loss; `inner`: other
    lost changes.
    """

    drift: TableDrift
    final: set[str]
    inner: list[Sent]
    phantoms: list[Sent]
    real: dict[str, list[Sent]]
    rows: Rows
    live: Rows


def day_of(
    bench: ArrivedBench,
    *,
    seed: int,
    changes: int,
    keys: int,
    phantom_percent: float = 0,
    per_object: int = 7,
    **way: float,
) -> Day:
    """Two snapshots, with changes between them that took this way."""
    of_mysql = bench.engine == "mysql"
    writers = Writers(seed=seed, keys=keys, start=START, xids=not of_mysql, wait_percent=20 if of_mysql else 0)
    writers.write(keys)
    writers.pause(_CALM)
    earlier = bench.snapshot(writers.rows, writers.now)
    seconds = min(1.0, 40_000 / changes)  # a day has 86,400
    before, first = dict(writers.rows), len(writers.sent)
    writers.pause(_CALM)
    writers.write(changes, phantom_percent=phantom_percent, seconds=seconds)
    writers.pause(timedelta(days=1))
    later = bench.snapshot(writers.rows, writers.now)
    arrived, lost = lossy(writers.sent[first:], seed, **way)
    bench.deliver(arrived, per_object=per_object)
    done = bench.collect(writers.now + timedelta(hours=4))
    assert done.rows == len({one.id for _, one in arrived})
    assert done.repeated == len(arrived) - done.rows
    real: dict[str, list[Sent]] = defaultdict(list)
    for one in writers.sent[first:]:
        if one.is_real:
            real[one.key].append(one)
    final, inner = _told_apart(before, real, lost)
    return Day(
        drift=bench.audit(earlier, later, named=10**6),
        final=final,
        inner=inner,
        phantoms=list({one.id: one for _, one in arrived if not one.is_real}.values()),
        real=real,
        rows=writers.rows,
        live=bench.live(earlier, done.record.cut),
    )


def _told_apart(before: Rows, real: dict[str, list[Sent]], lost: list[Sent]) -> tuple[set[str], list[Sent]]:
    """Keys whose last real change was lost, so that the one before it has another row; and the lost changes of other keys."""
    gone = {one.id for one in lost}
    final: set[str] = set()
    for key, several in real.items():
        arrived = [one for one in several if one.id not in gone]
        if (arrived[-1].new if arrived else before.get(key)) != several[-1].new:
            final.add(key)
    return final, [one for one in lost if one.id != real[one.key][-1].id]


def found_share(day: Day) -> float:
    """Of the runs of lost changes that change no final row, those that are counted as breaks."""
    breaks: dict[str, int] = defaultdict(int)
    for row in (*day.drift.lost_rows, *day.drift.phantom_rows):
        breaks[row.key.removeprefix("id=")] += int(row.columns.split()[0]) if row.columns else 1
    runs: dict[str, int] = defaultdict(int)
    inner = {one.id for one in day.inner}
    for key, several in day.real.items():
        lost = [one.id in inner for one in several]
        runs[key] = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    return sum(min(breaks[key], count) for key, count in runs.items()) / max(sum(runs.values()), 1)
