"""Retention of changes: what a date that stays needs stays, the rest goes, and live views never notice."""

import io
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from rds_lake.config.shared import Retention
from rds_lake.config.streams import Streams
from rds_lake.console.connect import Connected
from rds_lake.console.prune import prune as prune_command
from rds_lake.errors import CatalogError, ManifestError, UnavailableError
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.arrived import hour_of
from rds_lake.stages.streams.collecting.collect import collector_of
from rds_lake.stages.streams.compaction.in_use import using_changes
from rds_lake.stages.streams.cuts import complete_cuts, forwarded
from rds_lake.stages.streams.live.move import LiveMover
from rds_lake.stages.streams.record import change_forwarded
from rds_lake.stages.upkeep.changes import plan_changes
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import PrunePlan, apply_prune, plan_prune
from rds_lake_tests.stages.streams import simple_capture
from rds_lake_tests.stages.streams.compaction.deaths import Death, mortal_lake
from rds_lake_tests.stages.streams.test_story import bank, bring_up, in_database, live, views_of
from rds_lake_tests.support.world import World, execute

__all__ = ["bank"]
DAYS = ("2026-11-18", "2026-11-19", "2026-11-20")
LATER = timedelta(days=2)


def publish(world: World, day: str, number: int) -> None:
    """A date, with two cuts before its snapshot and one after it, up to which the live views are brought."""
    for amount in (number * 10, number * 10 + 5):
        execute(
            world.url, f"UPDATE accounts SET amount = {amount} WHERE id < 3; DELETE FROM savings WHERE id = {number}"
        )
        simple_capture.forward(world.url, world.gateways.lake)
    world.snapshot(day)
    world.publish(day)
    execute(world.url, f"UPDATE accounts SET amount = {number * 10 + 7} WHERE id = 5")
    bring_up(world)


@pytest.fixture
def kept(bank: World) -> World:
    """Two dates of which the last stays: it was made at cut 5, and its live views stand on cut 6."""
    for number, day in enumerate(DAYS[:2]):
        publish(bank, day, number)
    keep(bank, daily=1)
    return bank


def keep(world: World, *, daily: int, **streams: Any) -> None:
    captured = Streams(tables=("shop.public.accounts", "shop.public.savings"), **streams)
    world.with_source(retention=Retention(daily=daily, weekly=0, monthly=0), streams=captured)


def plan(world: World, *, after: timedelta = LATER, lake: Lake | None = None) -> PrunePlan:
    gateways = world.gateways
    exports = Exports.read(world.config, gateways.rds, gateways.s3)
    now = datetime.now(UTC) + after
    used = lake or gateways.lake
    return plan_prune(world.config, world.config.sources[0], exports, rds=gateways.rds, lake=used, now=now)


def prune(world: World, *, after: timedelta = LATER, lake: Lake | None = None) -> list[str]:
    """What was removed of changes."""
    made = plan(world, after=after, lake=lake)
    done = apply_prune(lake or world.gateways.lake, made, busy=lambda: (), log=world.lines.append)
    return sorted({item.what for item in done.plan.changes.items})


def shown(world: World) -> str:
    """What `rds-lake prune` prints without `--apply`."""
    text, gateways = io.StringIO(), world.gateways
    connected = Connected(config=world.config, rds=gateways.rds, dynamodb=gateways.dynamodb, lake=gateways.lake)
    console = Console(file=text, width=300)
    prune_command(connected, ("shop",), apply=False, now=datetime.now(UTC) + LATER, console=console)
    return text.getvalue()


def cuts(world: World) -> list[int]:
    return sorted({int(key.split("cut=")[1][:12]) for key in world.keys("lake/_changes/shop/") if "cut=" in key})


def require_live(world: World) -> None:
    for table in ("accounts", "savings"):
        assert live(world, table) == in_database(world, table)


@pytest.mark.exhaustive
def test_changes_go_with_the_dates_that_needed_them_and_what_a_date_needs_stays(kept: World) -> None:
    publish(kept, DAYS[2], 2)
    before, lake = kept.keys(), kept.root.lake
    assert {item.what for item in plan(kept).changes.items} == {"cuts", "compacted"}
    assert prune(kept, after=timedelta()) == [], "what is younger than a day stays"
    assert [key for key in kept.keys() if "_in_use" not in key] == [key for key in before if "_in_use" not in key]
    keep(kept, daily=3)
    assert prune(kept) == ["cuts"]
    assert cuts(kept) == list(range(3, 10)), "the first date was made at cut 2, and every date stays"

    keep(kept, daily=2)
    assert prune(kept) == ["compacted", "cuts"]
    assert cuts(kept) == [6, 7, 8, 9], "the second date was made at cut 5"
    keep(kept, daily=1, keep_days=3)
    assert prune(kept) == []
    # Cut 8 is the newest inside the snapshot of the last date.
    assert prune(kept, after=timedelta(days=4)) == ["compacted", "cuts"]
    assert cuts(kept) == [9]
    require_live(kept)
    # Cuts 7 to 9 were compacted together: a file goes when all of it may.
    assert kept.query("SELECT DISTINCT cut FROM accounts_history ORDER BY 1") == [("7",), ("8",), ("9",)]
    execute(kept.url, "UPDATE accounts SET amount = 1 WHERE id = 4")
    bring_up(kept)
    require_live(kept)
    assert prune(kept, after=timedelta(days=4)) == []

    (record,) = forwarded(lake, "shop")
    with pytest.raises(ManifestError, match=r"cuts 8 to 8 of epoch .* were removed"):
        list(complete_cuts(lake, record, after=7))
    changed = replace(record, epochs=(replace(record.epochs[0], first=10),))
    change_forwarded(lake, "shop", "shop", lambda _: changed)
    assert "it has no live views. Publish a later date" in views_of(kept).bring_up().problems[0]
    require_live(kept)


@pytest.mark.exhaustive
def test_a_removal_killed_before_any_of_its_writes_leaves_readers_right_and_is_finished_by_the_next(
    kept: World,
) -> None:
    death, at = Death(), 0
    lake = mortal_lake(kept.gateways.lake, death)
    for at in range(1, 60):
        death.live(at)
        with suppress(KeyboardInterrupt):
            prune(kept, lake=lake)
        finished = death.seen < at
        death.live()
        require_live(kept)
        # Whoever begins where the record says finds every cut.
        (record,) = forwarded(kept.gateways.lake, "shop")
        assert record.current is not None
        list(complete_cuts(kept.gateways.lake, record, after=record.current.first - 1))
        if finished:
            break
    assert at > 6
    assert cuts(kept) == [6]
    files = {key.rsplit("/", 2)[1][:12] for key in kept.keys("lake/_compacted/shop/shop/")}
    assert files == {"000000000006"}, "the file of cuts 4 to 6"


@pytest.mark.exhaustive
def test_nothing_goes_while_changes_are_compacted_and_no_turn_begins_while_they_go(kept: World) -> None:
    lake = kept.gateways.lake
    with using_changes(lake, "shop", "turn", log=kept.lines.append):
        assert prune(kept) == []
    assert any("they are being compacted" in line for line in kept.lines)
    with (
        using_changes(lake, "shop", "removal", log=kept.lines.append),
        pytest.raises(UnavailableError, match="are being removed"),
        using_changes(lake, "shop", "turn", log=kept.lines.append),
    ):
        pass
    layout, s3 = kept.root.lake.layout, kept.root.s3
    abandoned = layout.compacted_folder("shop", "shop/public.accounts", 1, "e", 3, "abandoned")
    s3.put_text("acme-lake", f"{abandoned}00000.parquet", "half", kms_key=None)
    for hour in (datetime(2026, 11, day, 3, tzinfo=UTC) for day in (1, 16, 17, 21)):
        s3.put_text("acme-lake", f"{layout.arrived_hour_folder('shop', hour)}x.gz", "x", kms_key=None)
    s3.put_text("acme-lake", f"{layout.refused_folder('shop')}processing-failed/2026/11/01/03/x", "x", kms_key=None)
    assert prune(kept) == ["arrived", "compacted", "cuts"]
    assert kept.keys(abandoned) == []
    left = [key for key in kept.keys("lake/_changes/shop/") if "/arrived/" in key or "/refused/" in key]
    assert [key.split("/2026/")[1][:5] for key in left] == ["11/17", "11/21"], "two days before the first date stay"


def test_what_arrived_by_lambda_and_is_in_no_cut_yet_stays_however_old(world: World) -> None:
    streams = Streams(
        tables=("shop.public.orders",), capture="lambda", function="arn:aws:lambda:us-east-1:123456789012:function:f"
    )
    world.with_source(streams=streams, retention=Retention(daily=1, weekly=0, monthly=0))
    (source,) = world.config.databases
    layout, s3 = world.root.lake.layout, world.root.s3
    for hour in (datetime(2026, 11, day, 3, tzinfo=UTC) for day in (1, 2)):
        s3.put_text("acme-lake", f"{layout.arrived_hour_folder('shop', hour)}x", "x\n", kms_key=None)

    def arrived() -> int:
        plan = plan_changes(world.gateways.lake, source, [date(2026, 11, 20)], now=datetime.now(UTC) + LATER)
        return len(plan.arrived)

    assert arrived() == 0
    collector = collector_of(world.gateways.lake, source, world.lines.append)
    replace(collector, now=lambda: datetime(2026, 11, 4, 3, tzinfo=UTC)).collect()
    assert arrived() == 1, "the second hour is open: more may come"


def test_what_turns_of_lambda_noted_goes_when_no_turn_reads_it_and_no_date_needs_it(world: World) -> None:
    streams = Streams(
        tables=("shop.public.orders",), capture="lambda", function="arn:aws:lambda:us-east-1:123456789012:function:f"
    )
    world.with_source(streams=streams, retention=Retention(daily=1, weekly=0, monthly=0))
    (source,) = world.config.databases
    lake, layout, s3 = world.gateways.lake, world.root.lake.layout, world.root.s3
    s3.put_text("acme-lake", layout.seen_key("shop", 1, "killed"), "x", kms_key=None)

    def going(day: date, *, after: timedelta) -> list[str]:
        plan = plan_changes(lake, source, [day], now=datetime.now(UTC) + after)
        assert ("noted" in {item.what for item in plan.items}) is bool(plan.noted)
        return [item.key.rpartition("/")[2] for item in plan.noted]

    today = datetime.now(UTC).date()
    assert going(today, after=LATER) == [], "without a record nobody knows what it names"
    hour = f"{layout.arrived_hour_folder('shop', datetime(2026, 11, 1, 3, tzinfo=UTC))}x"
    s3.put_text("acme-lake", hour, "no change\n", kms_key=None)
    collector = collector_of(lake, source, world.lines.append)
    replace(collector, now=lambda: datetime(2026, 11, 1, 4, tzinfo=UTC), attempt=lambda: "first").collect()
    assert going(today, after=timedelta(hours=23)) == [], "an attempt may be under way that will name it"
    assert going(today, after=LATER) == ["000000000001-killed.parquet"], "the record names the other"
    later = today + timedelta(days=5)
    assert "000000000001-first.jsonl" in going(later, after=timedelta(days=4)), "older than what the first date needs"
    world.with_source(streams=streams.model_copy(update={"keep_days": 9}))
    (source,) = world.config.databases
    assert "000000000001-first.jsonl" not in going(later, after=timedelta(days=4))


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("2026/11/20/03/x", datetime(2026, 11, 20, 3, tzinfo=UTC)),
        ("2026/11/20/03/", None),
        ("2026/11/20/24/x", None),
        ("2026/02/30/03/x", None),
        ("x/2026/11/20/03/x", None),
        ("26/11/20/03/x", None),
    ],
)
def test_an_hour_is_what_firehose_writes_and_a_clock_shows(name: str, hour: datetime | None) -> None:
    assert hour_of(name) == hour


@pytest.mark.exhaustive
def test_the_date_that_live_views_stand_on_stays_and_prune_says_why(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise CatalogError("no")

    with monkeypatch.context() as broken:
        broken.setattr(LiveMover, "move", refused)
        kept.snapshot("2026-11-20")
        kept.publish("2026-11-20")
    made = plan(kept)
    assert "live views of changes are based on it" in made.retention.kept[date(2026, 11, 19)]
    text = shown(kept)
    assert ("2026-11-19" in text, "live views of changes are based on it" in text) == (True, True)
    assert "no date that is kept needs these changes" in text
    prune(kept)
    require_live(kept)
    execute(kept.url, "UPDATE accounts SET amount = 3 WHERE id = 1")
    simple_capture.forward(kept.url, kept.gateways.lake)
    kept.snapshot("2026-11-21")
    kept.publish("2026-11-21")
    assert cuts(kept)[-1] == 7, "the newest cut, which the date has and no table has compacted"
    views_of(kept).bring_up()
    require_live(kept)
    assert date(2026, 11, 19) not in plan(kept).retention.kept
    prune(kept)
    require_live(kept)
