"""Collecting what arrived: nothing is lost and nothing counts twice, whoever is late, killed, or at work at the same time."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_lake.model.streams.collected import LAMBDA_EPOCH
from rds_lake.stages.streams.collecting import seen
from rds_lake.stages.streams.collecting.collect import Collector
from rds_lake.stages.streams.cuts import complete_cuts, events_of, forwarded
from rds_lake_tests.stages.streams.collecting.arrived_bench import TARGETS, ArrivedBench
from rds_lake_tests.stages.streams.collecting.calls import Sent, Writers, lossy
from rds_lake_tests.support.world import World

START = datetime(2026, 11, 20, 3, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def bench(world: World) -> ArrivedBench:
    return ArrivedBench(world.root.lake, world.query)


def sent(count: int, *, seed: int = 1) -> list[Sent]:
    writers = Writers(seed=seed, keys=5, start=START)
    writers.write(count)
    return writers.sent[:count]


def collected(bench: ArrivedBench) -> list[str]:
    """The ids of all changes in final cuts, in order, by what readers of cuts read."""
    return [
        event.arrival.id
        for record in forwarded(bench.lake, "shop")
        for cut in complete_cuts(bench.lake, record, epoch=LAMBDA_EPOCH)
        for table in cut.tables
        for event in events_of(bench.lake, table)
        if event.arrival
    ]


def ids(several: list[Sent]) -> list[str]:
    return sorted(one.id for one in several)


def test_an_hour_that_was_collected_gets_late_objects_and_repetitions_of_other_hours(bench: ArrivedBench) -> None:
    changes = sent(30)
    bench.deliver(((START, one) for one in changes[:10]), name="a")
    assert bench.collector(START).collect().rows == 10
    late = [(START, one) for one in changes[5:20]]
    again = [(START + 3 * HOUR, one) for one in changes[15:30]]
    bench.deliver([*late, *again], name="b", per_object=4)
    done = bench.collector(START + 4 * HOUR).collect()
    assert (done.rows, done.repeated) == (20, 10)
    assert sorted(collected(bench)) == ids(changes)
    assert bench.collector(START + 5 * HOUR).collect().cuts == 0


@pytest.mark.exhaustive
def test_repetitions_are_known_in_all_open_hours_and_objects_of_closed_ones_are_not_listed(
    bench: ArrivedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "_MOST_FILES", 3)
    changes = sent(5)
    for at in range(10):  # a cut for each, so that earlier digests go together into later files
        bench.deliver([(START + at * HOUR, changes[at % 5])], name=f"a{at}")
        bench.collector(START + at * HOUR).collect()
    record, _ = bench.collector(START).read()
    assert len(record.seen) <= 4 and sorted(collected(bench)) == ids(changes)
    days = START + timedelta(days=4)
    bench.deliver([(days, sent(6)[5])], name="c")
    record = bench.collector(days).collect().record
    assert record.open_from is not None and record.open_from > START + timedelta(days=1)
    assert all(file.last_hour >= record.open_from for file in record.seen)


@pytest.mark.exhaustive
def test_many_small_objects_cost_one_call_each_and_few_others(
    bench: ArrivedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = sent(120)
    count = bench.deliver(((START, one) for one in changes), per_object=1)
    calls: list[str] = []

    def counted(client: Any, name: str) -> None:
        known = getattr(client, name)
        monkeypatch.setattr(client, name, lambda **given: calls.append(name) or known(**given))

    for name in ("get_object", "put_object"):
        counted(bench.lake.s3.client, name)
    assert bench.collector(START, most=(1 << 20, 50)).collect().cuts == 3
    assert len(calls) - count <= 3 * 12
    calls.clear()
    assert bench.collector(START).collect().cuts == 0
    assert len(calls) <= 8


def test_what_is_no_change_is_put_aside_with_its_text_and_never_stops_the_rest(bench: ArrivedBench) -> None:
    changes = sent(6)
    target = str(TARGETS["postgres"])
    lines = [one.line(target) for one in changes]
    folder = bench.lake.layout.arrived_hour_folder("shop", START.replace(minute=0))
    stranger = lines[0].replace(target.encode(), b"shop.public.other")
    for name, body in {
        "1.gz": gzip.compress(lines[0] + b"{half\n" + lines[1] + b"\xff\n" + stranger + b"\n"),
        "2": lines[2],  # not compressed
        "3.gz": gzip.compress(lines[3] + lines[4])[:-6],  # damaged behind its lines
        "4.gz": b"",
        "5.gz": gzip.compress(lines[5]),
    }.items():
        bench.lake.s3.put_bytes("acme-lake", f"{folder}{name}", body, kms_key=None)
    bench.lake.s3.put_bytes("acme-lake", f"{bench.lake.layout.arrived_folder('shop')}README", b"?", kms_key=None)
    done = bench.collector(START).collect()
    assert sorted(collected(bench)) == ids(changes)
    assert (done.record.unread, done.astray) == (4, 1)
    (key,) = [one.key for one in bench.lake.s3.list_objects("acme-lake", "lake/_changes/shop/_unread/")]
    aside = [json.loads(line) for line in bench.lake.s3.get_text("acme-lake", key).splitlines()]
    assert [(one["object"].rpartition("/")[2], one["line"]) for one in aside] == [
        ("1.gz", 2),
        ("1.gz", 4),
        ("1.gz", 5),
        ("3.gz", 3),
    ]
    assert (aside[0]["text"], "is not among `streams.tables`" in aside[2]["why"]) == ("{half\n", True)


@pytest.mark.exhaustive
def test_of_two_at_once_one_takes_each_cut_and_together_they_take_everything(bench: ArrivedBench) -> None:
    changes = sent(40)
    arrived, _ = lossy(changes, 3, repeat_percent=30)
    bench.deliver(arrived, per_object=3)
    now = START + 5 * HOUR
    first, second = (bench.collector(now, most=(1 << 20, 3)) for _ in "ab")
    meetings = 0

    def meet(name: str) -> Callable[[], str]:
        def attempt() -> str:
            """The other takes a cut while this one has read its objects and not taken its cut yet."""
            nonlocal meetings
            meetings += 1
            if meetings % 3 == 1:
                bench.collector(now, most=(1 << 20, 2)).collect() if meetings > 6 else _one_cut(second)
            return f"{name}{meetings:04}"

        return attempt

    done = replace(first, attempt=meet("a")).collect()
    assert meetings > 3 and any("at the same time" in line for line in bench.lines)
    assert sorted(collected(bench)) == ids(changes)
    assert done.record.seq == len(changes)


def _one_cut(collector: Collector) -> None:
    """Take one cut, and no more: the run ends there."""

    class EndedError(Exception):
        pass

    def log(line: str) -> None:
        if ": cut " in line:
            raise EndedError

    with pytest.raises(EndedError):
        replace(collector, log=log).collect()


@pytest.mark.exhaustive
def test_killed_after_any_write_the_next_one_goes_on(bench: ArrivedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        pass

    changes = sent(12)
    bench.deliver(((START, one) for one in changes), per_object=3)
    client, left = bench.lake.s3.client, 0
    put = client.put_object

    def dying(**given: Any) -> Any:
        nonlocal left
        left -= 1
        answer = put(**given)
        if left == 0:
            raise KilledError
        return answer

    monkeypatch.setattr(client, "put_object", dying)
    deaths, is_done = 0, False
    while not is_done:
        left = 1 + deaths % 5
        try:
            bench.collector(START, most=(1 << 20, 1)).collect()
            is_done = True
        except KilledError:
            deaths += 1
    assert deaths > 4
    assert sorted(collected(bench)) == ids(changes)
