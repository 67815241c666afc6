"""Tables that are scanned: every item once, within the read capacity, resumed where a run died."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.aws.dynamodb import DynamoGateway, ScanPage
from rds_lake.errors import ManifestError, SnapshotNotFoundError, UnavailableError
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.dynamodb.scanning.pace import Pace
from rds_lake.stages.dynamodb.scanning.segments import Segment, parse_segment, render_segment
from rds_lake.stages.dynamodb.scanning.settings import ScanSettings
from rds_lake_tests.support.meanwhile import before_call
from rds_lake_tests.support.world import DynamoWorld, World

TODAY = datetime.now(UTC).date()
ITEMS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": {"S": f"item {number}"},
        "n": {"N": str(number)},
        "raw": {"B": bytes([number])},
        "s": {"BS": [b"\x00", b"x"]},
    }
    for number in range(60)
)


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """A provisioned and an on-demand table without point-in-time recovery."""
    dynamo = world.of_dynamodb("Plain", "OnDemand", method="scan", on_demand_rcu=1000)
    capacity = {"ReadCapacityUnits": 40, "WriteCapacityUnits": 40}
    dynamo.create("Plain", *ITEMS, recovery=False, ProvisionedThroughput=capacity)
    dynamo.create("OnDemand", *ITEMS[:3], recovery=False)
    return dynamo


def run(world: World, **changes: Any) -> DynamoRun:
    return world.run(sleep=lambda seconds: None, **changes)


def rows(world: World) -> list[tuple[str | None, ...]]:
    stages = run(world)
    stages.relocate(TODAY)
    stages.shared.catalogue(TODAY)
    stages.shared.publish(TODAY, now=datetime.now(UTC))
    return world.query("SELECT count(*), count(DISTINCT id), sum(n), count(raw) FROM plain")


def test_tables_without_recovery_are_published_with_a_warning_that_they_are_no_instant(dynamo: DynamoWorld) -> None:
    accepted = run(dynamo.world).accept(TODAY)
    assert [(f.severity, "were read at different times" in f.problem) for f in accepted.findings] == [("warning", True)]
    assert rows(dynamo.world) == [("60", "60", str(sum(range(60))), "60")]
    assert dynamo.world.query("SELECT count(*) FROM ondemand") == [("3",)]
    assert dynamo.world.keys("exports/") == []
    assert "at most 10 read units" in "".join(dynamo.world.lines)


class Dying(DynamoGateway):
    """A gateway that fails after so many pages, and counts the items it returned."""

    def __init__(self, client: Any, pages: int) -> None:
        super().__init__(client)
        self.pages, self.given = pages, 0

    def scan_page(self, name: str, **arguments: Any) -> ScanPage:
        if not self.pages:
            raise UnavailableError("the machine is gone")
        self.pages -= 1
        small: dict[str, Any] = arguments | {"limit": 7}
        page = super().scan_page(name, **small)
        self.given += len(page.items)
        return page


def test_a_run_that_died_goes_on_where_each_segment_was(dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rds_lake.stages.dynamodb.scanning.table._BYTES_PER_SEGMENT", 2000)
    monkeypatch.setattr(ScanSettings, "__init__", _small_files(ScanSettings.__init__))
    dying = Dying(dynamo.client, pages=6)
    with pytest.raises(UnavailableError):
        run(dynamo.world, dynamodb=dying).accept(TODAY)
    again = Dying(dynamo.client, pages=10**6)
    assert len([key for key in dynamo.world.keys("exports/") if "/_scan/" in key]) > 1, "several segments were at work"
    run(dynamo.world, dynamodb=again).accept(TODAY)
    # One page of each segment that was under way may be read twice, no more.
    assert again.given < 63
    assert rows(dynamo.world) == [("60", "60", str(sum(range(60))), "60")]


def _small_files(init: Any) -> Any:
    def made(self: ScanSettings, **arguments: Any) -> None:
        init(self, **arguments, file_bytes=1)

    return made


class Counting(DynamoGateway):
    """A gateway of small pages, each after `pause` seconds. `given` counts items; `first` is called at the first page.

    `cost`: how many times its units a page costs.
    """

    def __init__(
        self, client: Any, *, pause: float = 0.0, first: Callable[[], object] = lambda: None, cost: int = 1
    ) -> None:
        super().__init__(client)
        self.pause, self.first, self.given, self.asked, self.cost = pause, [first], 0, 0, cost

    def scan_page(self, name: str, **arguments: Any) -> ScanPage:
        self.asked += 1
        if self.first:
            self.first.pop()()
        time.sleep(self.pause)
        small: dict[str, Any] = arguments | {"limit": 7}
        page = super().scan_page(name, **small)
        self.given += len(page.items)
        return replace(page, units=page.units * self.cost)


@pytest.mark.exhaustive
def test_a_second_run_waits_for_the_scan_of_the_first_and_reads_nothing(dynamo: DynamoWorld) -> None:
    world, ended = dynamo.world, list[bool]()
    dynamo.world.with_source(tables=("Plain",))
    second = Counting(dynamo.client)
    other = threading.Thread(
        target=lambda: ended.append(world.run(sleep=lambda _: time.sleep(0.01), dynamodb=second).accept(TODAY).reused)
    )
    first = Counting(dynamo.client, pause=0.05, first=other.start)
    run(world, dynamodb=first).accept(TODAY)
    other.join(60)
    assert ended and (first.given, second.given) == (60, 0)
    assert any("another run does this already" in line for line in world.lines)
    assert rows(world) == [("60", "60", str(sum(range(60))), "60")]


@pytest.mark.exhaustive
def test_a_run_that_was_taken_for_dead_ends_with_the_other_ones_scan_and_every_item_once(dynamo: DynamoWorld) -> None:
    """It sleeps, another run takes over and reads the whole table, and then the first one writes again."""
    world = dynamo.world
    dynamo.world.with_source(tables=("Plain",))
    passed = Time()
    second = Counting(dynamo.client)

    def overtake() -> None:
        world.run(clock=passed, sleep=passed.sleep, dynamodb=second).accept(TODAY)

    run(world, dynamodb=Counting(dynamo.client, first=overtake)).accept(TODAY)
    assert second.given == 60
    assert any("another run has taken the scan over" in line for line in world.lines)
    assert rows(world) == [("60", "60", str(sum(range(60))), "60")]


def test_two_runs_that_begin_a_scan_at_once_agree_on_one(dynamo: DynamoWorld) -> None:
    world = dynamo.world
    later = datetime.now(UTC) + timedelta(seconds=5)
    with before_call(world, "PutObject", ".begun.json", lambda: run(world, now=lambda: later).accept(TODAY)) as met:
        second = Counting(dynamo.client)
        run(world, dynamodb=second).accept(TODAY)
    assert met and second.given == 0
    assert rows(world) == [("60", "60", str(sum(range(60))), "60")]


@pytest.mark.exhaustive
def test_an_interrupted_scan_reads_no_further_at_once_and_the_next_run_need_not_wait(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rds_lake.stages.dynamodb.scanning.table._BYTES_PER_SEGMENT", 2000)
    monkeypatch.setattr(ScanSettings, "__init__", _small_files(ScanSettings.__init__))
    dynamo.world.with_source(tables=("Plain",))
    soon = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    slow = Counting(dynamo.client, pause=0.2, first=soon.start, cost=1000)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        # It waits for read capacity nearly all the time: the waiting, too, ends.
        dynamo.world.with_source(read_percentage=0.01)
        dynamo.world.run(dynamodb=slow).accept(TODAY)
    assert time.monotonic() - began < 100
    asked = slow.asked
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("scan", "lease"))]
    time.sleep(0.5)
    assert slow.asked == asked
    began = time.monotonic()
    run(dynamo.world).accept(TODAY)
    assert time.monotonic() - began < 100
    assert rows(dynamo.world) == [("60", "60", str(sum(range(60))), "60")]


@pytest.mark.exhaustive
def test_sigterm_given_to_one_of_sixteen_scanning_threads_ends_them_all(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Dagster ends a run: SIGTERM does what Ctrl-C does. The system may give it to any thread."""
    monkeypatch.setattr("rds_lake.stages.dynamodb.scanning.table._BYTES_PER_SEGMENT", 1)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    dynamo.world.with_source(tables=("Plain",), read_percentage=0.01)
    slow = Counting(dynamo.client, pause=0.2, first=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM))
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            dynamo.world.run(dynamodb=slow).accept(TODAY)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert time.monotonic() - began < 100
    assert "scanned in 16 segments" in "".join(dynamo.world.lines)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("scan", "lease"))]


KEYS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.fixed_dictionaries({"S": st.text(max_size=5)})
    | st.fixed_dictionaries({"N": st.integers().map(str)})
    | st.fixed_dictionaries({"B": st.binary(max_size=5)}),
    min_size=1,
    max_size=2,
)


@settings(max_examples=25)
@given(after=st.none() | KEYS, done=st.booleans(), files=st.integers(0, 3))
def test_a_checkpoint_is_read_as_it_was_written(after: dict[str, Any] | None, done: bool, files: int) -> None:
    names = [{"itemCount": n, "md5Checksum": "x==", "dataFileS3Key": f"data/{n}"} for n in range(files)]
    segment = Segment(number=3, total=16, files=names, after=after, done=done, etag="e")
    assert parse_segment(render_segment(segment), "e", where="k") == segment


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"number": 1, "total": 2, "files": null}'])
def test_a_damaged_checkpoint_is_named_with_what_to_do(text: str) -> None:
    with pytest.raises(ManifestError, match=r"_scan/0003\.json is damaged.*delete its folder and materialize"):
        parse_segment(text, "e", where="_scan/0003.json")


@pytest.mark.exhaustive
def test_an_error_of_one_segment_ends_the_others(dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rds_lake.stages.dynamodb.scanning.table._BYTES_PER_SEGMENT", 500)
    monkeypatch.setattr(ScanSettings, "__init__", _small_files(ScanSettings.__init__))
    dynamo.world.with_source(tables=("Plain",))

    def fail() -> None:
        raise UnavailableError("the network is gone")

    failing = Counting(dynamo.client, pause=0.3, first=fail)
    with pytest.raises(UnavailableError, match="the network is gone"):
        run(dynamo.world, dynamodb=failing).accept(TODAY)
    assert failing.given < 60, "the other segments were read although the scan had failed"


@pytest.mark.exhaustive
def test_a_second_materialization_reads_nothing_again(dynamo: DynamoWorld) -> None:
    run(dynamo.world).accept(TODAY)
    rows(dynamo.world)
    none = Dying(dynamo.client, pages=0)
    assert run(dynamo.world, dynamodb=none).accept(TODAY).reused


def test_throttling_slows_a_scan_down_and_does_not_end_it(dynamo: DynamoWorld) -> None:
    dynamo.world.cloud.faults.add(read_faults({"throttle": [{"service": "dynamodb", "operation": "Scan", "calls": 3}]}))
    run(dynamo.world).accept(TODAY)
    assert rows(dynamo.world)[0][0] == "60"


@pytest.mark.exhaustive
def test_a_past_date_cannot_be_scanned(dynamo: DynamoWorld) -> None:
    with pytest.raises(SnapshotNotFoundError, match="reads the current items"):
        run(dynamo.world).accept(TODAY - timedelta(days=1))


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    target=st.floats(min_value=0.5, max_value=5000),
    pages=st.lists(st.tuples(st.floats(min_value=0.5, max_value=128), st.booleans()), min_size=1, max_size=50),
)
def test_a_scan_never_reads_more_than_its_part_of_the_capacity(target: float, pages: list[tuple[float, bool]]) -> None:
    clock = Time()
    pace = Pace(target=target, clock=clock, sleep=clock.sleep)
    for units, throttled in pages:
        pace.spent(units, 10, throttled=throttled)
    total = sum(units for units, _ in pages)
    assert total <= target * clock.now * 1.0001
    assert 0 < pace.rate <= target


def test_pages_shrink_until_one_is_about_a_second_of_reading() -> None:
    clock = Time()
    pace = Pace(target=5, clock=clock, sleep=clock.sleep)
    pace.spent(12.5, 25, throttled=False)
    assert pace.limit(threads=1) == 10
    assert pace.limit(threads=5) == 2
    for _ in range(100):
        pace.refused()
    assert pace.limit(threads=16) == 1


def test_a_rate_that_was_halved_comes_back() -> None:
    clock = Time()
    pace = Pace(target=100, clock=clock, sleep=clock.sleep)
    pace.refused()
    assert pace.rate == 50
    for _ in range(100):
        pace.spent(1, 1, throttled=False)
    assert pace.rate == 100
