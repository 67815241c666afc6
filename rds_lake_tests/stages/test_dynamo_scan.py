"""Tables that are scanned: every item once, within the read capacity, resumed where a run died."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.dynamodb import DynamoGateway, ScanPage
from rds_lake.errors import SnapshotNotFoundError, UnavailableError
from rds_lake.localcloud.fault_bodies import read_faults
from rds_lake.stages.dynamo_pace import Pace
from rds_lake.stages.dynamo_scan import Scanner
from rds_lake.stages.source_run import SourceRun
from rds_lake_tests.world import DynamoWorld, World

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


def run(world: World, **changes: Any) -> SourceRun:
    return world.run(sleep=lambda seconds: None, **changes)


def rows(world: World) -> list[tuple[str | None, ...]]:
    stages = run(world)
    stages.relocate(TODAY)
    stages.catalogue(TODAY)
    stages.publish(TODAY, now=datetime.now(UTC))
    return world.query("SELECT count(*), count(DISTINCT id), sum(n), count(raw) FROM plain")


def test_tables_without_recovery_are_published_with_a_warning_that_they_are_no_instant(dynamo: DynamoWorld) -> None:
    accepted = run(dynamo.world).accept(TODAY)
    assert [(f.severity, "not as of one instant" in f.problem) for f in accepted.findings] == [("warning", True)]
    assert rows(dynamo.world) == [("60", "60", str(sum(range(60))), "60")]
    assert dynamo.world.query("SELECT count(*) FROM ondemand") == [("3",)]
    assert dynamo.world.keys("exports/") == []
    assert "at most 10 read units" in "".join(dynamo.world.lines)


class Dying(DynamoGateway):
    """Breaks after so many pages, and counts the items it gave."""

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
    monkeypatch.setattr("rds_lake.stages.dynamo_scan._BYTES_PER_SEGMENT", 2000)
    monkeypatch.setattr(Scanner, "__init__", _small_files(Scanner.__init__))
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
    def made(self: Scanner, **arguments: Any) -> None:
        init(self, **arguments, file_bytes=1)

    return made


def test_a_second_materialization_reads_nothing_again(dynamo: DynamoWorld) -> None:
    run(dynamo.world).accept(TODAY)
    rows(dynamo.world)
    none = Dying(dynamo.client, pages=0)
    assert run(dynamo.world, dynamodb=none).accept(TODAY).reused


def test_throttling_slows_a_scan_down_and_does_not_end_it(dynamo: DynamoWorld) -> None:
    dynamo.world.cloud.faults.add(read_faults({"throttle": [{"service": "dynamodb", "operation": "Scan", "calls": 3}]}))
    run(dynamo.world).accept(TODAY)
    assert rows(dynamo.world)[0][0] == "60"


def test_a_past_date_cannot_be_scanned(dynamo: DynamoWorld) -> None:
    with pytest.raises(SnapshotNotFoundError, match="shows the present"):
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
    time = Time()
    pace = Pace(target=target, clock=time, sleep=time.sleep)
    for units, throttled in pages:
        pace.spent(units, 10, throttled=throttled)
    total = sum(units for units, _ in pages)
    assert total <= target * time.now * 1.0001
    assert 0 < pace.rate <= target


def test_pages_shrink_until_one_is_about_a_second_of_reading() -> None:
    time = Time()
    pace = Pace(target=5, clock=time, sleep=time.sleep)
    pace.spent(12.5, 25, throttled=False)
    assert pace.limit(threads=1) == 10
    assert pace.limit(threads=5) == 2
    for _ in range(100):
        pace.refused()
    assert pace.limit(threads=16) == 1


def test_a_rate_that_was_halved_comes_back() -> None:
    time = Time()
    pace = Pace(target=100, clock=time, sleep=time.sleep)
    pace.refused()
    assert pace.rate == 50
    for _ in range(100):
        pace.spent(1, 1, throttled=False)
    assert pace.rate == 100
