"""Small compacted files become one, and readers see the same rows before, during and after, wherever a run is killed."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rds_lake.model.streams.shown import Shown, ShownCut, render_shown
from rds_lake.sql.changes.table import ChangedTable, Watermark, is_merged
from rds_lake.sql.changes.views import render_changes
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction import merge
from rds_lake.stages.streams.compaction.merge import Merger
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.upkeep.compacted_files import stale_files
from rds_lake_tests.stages.streams.compaction.deaths import Death, mortal_lake
from rds_lake_tests.stages.streams.replay import Rows
from rds_lake_tests.stages.streams.simple_capture import event
from rds_lake_tests.stages.streams.test_live import NOTES, TARGET, Bench, row
from rds_lake_tests.support.world import World

CUTS = 5


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


def small_batches(bench: Bench) -> Watermark:
    """As many batches as cuts, of one change each."""
    mark = bench.snapshot({}, [], 0)
    for number in range(1, CUTS + 1):
        bench.cuts(mark, [[event(number, "I", None, row("x", number, str(number)))]], first=number)
        bench.compact(mark)
    return mark


def rows_up_to(cut: int) -> Rows:
    return {("x", number): str(number) for number in range(1, cut + 1)}


def table_now(bench: Bench) -> ChangedTable:
    """The table as views that are made now read it."""
    compacted = CompactedRecord(lake=bench.world.root.lake, source="shop").read()
    return replace(NOTES, merged=compacted.merged_of(TARGET))


def require_same(bench: Bench, mark: Watermark, *views: ChangedTable) -> None:
    """What readers see through views that were made for the table as it was then, and as it is now."""
    for table in views:
        assert bench.live(mark, CUTS, table=table) == [rows_up_to(CUTS)]
        count = render_changes("shop", table).split("AS\n", 1)[1]
        assert bench.world.query(f"SELECT count(*), count(DISTINCT seq) FROM (\n{count}\n) one") == [(str(CUTS),) * 2]


def merger(bench: Bench, lake: Lake | None = None, *, at_least: int = 3) -> Merger:
    return Merger(lake=lake or bench.world.root.lake, source="shop", log=bench.world.lines.append, at_least=at_least)


def partitions(bench: Bench) -> list[str]:
    found = bench.world.root.glue.find_partitions("shop", NOTES.raw)
    return sorted(one.values[1] for one in found)


def show(bench: Bench, mark: Watermark) -> None:
    """As if the live views had been moved to what the record says."""
    merged = {f"{NOTES.raw}/{epoch}": cut for epoch, cut in table_now(bench).merged}
    shown = Shown(
        snapshot_date=mark.day,
        export_task="t",
        cuts=(ShownCut(home="shop", epoch=mark.epoch, cut=CUTS),),
        merged=merged,
    )
    key = bench.world.root.layout.compacted_key("shop", "_live.json")
    bench.world.root.s3.put_text("acme-lake", key, render_shown(shown), kms_key=None)


def test_a_merge_that_is_killed_before_any_of_its_writes_changes_nothing_for_readers_and_is_continued(
    bench: Bench,
) -> None:
    mark, death, at = small_batches(bench), Death(), 0
    lake, old = mortal_lake(bench.world.root.lake, death), table_now(bench)
    for at in range(1, 20):
        death.live(at)
        with suppress(KeyboardInterrupt):
            assert merger(bench, lake).merge(mark.epoch, [NOTES]) == ()
        finished = death.seen < at
        death.live()
        require_same(bench, mark, old, table_now(bench))
        if finished:
            break
    assert at > 3
    assert [value for value in partitions(bench) if is_merged(value)] == ["000000000003.merged"], "two are too few"
    bench.cuts(mark, [[event(9, "D", row("x", 1, "1"), None)]], first=CUTS + 1)
    bench.compact(mark)
    merger(bench).merge(mark.epoch, [NOTES])
    assert table_now(bench).merged == ((mark.epoch, 6),)
    assert bench.live(mark, 6, table=table_now(bench)) == [{("x", n): str(n) for n in range(2, CUTS + 1)}]


@pytest.mark.exhaustive
def test_batches_are_removed_a_day_after_all_views_read_the_merged_file(bench: Bench) -> None:
    mark, lake = small_batches(bench), bench.world.root.lake
    merger(bench, at_least=CUTS).merge(mark.epoch, [NOTES])
    now = datetime.now(UTC)
    later = now + timedelta(hours=25)
    assert stale_files(lake, "shop", {}, now=later).partitions == (), "the views read the batches still"
    show(bench, mark)
    assert stale_files(lake, "shop", {}, now=now).partitions == (), "queries may"
    stale = stale_files(lake, "shop", {}, now=later)
    assert [one.values[1] for one in stale.partitions] == [f"{number:012}" for number in range(1, CUTS + 1)]
    lake.glue.limited("shop").delete_partitions("shop", NOTES.raw, [one.values for one in stale.partitions])
    for folder, _ in stale.folders:
        bench.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=f"{folder.key}00000.parquet")
    assert partitions(bench) == ["000000000005.merged"]
    require_same(bench, mark, table_now(bench))


@pytest.mark.exhaustive
def test_a_batch_that_is_large_enough_is_not_copied_and_its_file_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "_MOST_BYTES", 1)
    mark, lake = small_batches(bench), bench.world.root.lake
    before = bench.world.keys("lake/_compacted/shop/shop/")
    merger(bench, at_least=CUTS).merge(mark.epoch, [NOTES])
    assert bench.world.keys("lake/_compacted/shop/shop/") == before
    show(bench, mark)
    stale = stale_files(lake, "shop", {}, now=datetime.now(UTC) + timedelta(hours=25))
    assert (len(stale.partitions), stale.folders) == (1, ())
    require_same(bench, mark, table_now(bench))


@pytest.mark.exhaustive
def test_two_runs_that_merge_at_once_make_the_same_file_and_one_partition(bench: Bench) -> None:
    mark = small_batches(bench)

    def other() -> str:
        merger(bench).merge(mark.epoch, [NOTES])
        return "the-slower-one"

    slower = replace(merger(bench), attempt=other)
    assert slower.merge(mark.epoch, [NOTES]) == ()
    assert [value for value in partitions(bench) if is_merged(value)] == ["000000000003.merged"]
    require_same(bench, mark, NOTES, table_now(bench))


@pytest.mark.exhaustive
def test_a_batch_whose_file_is_gone_is_named_and_readers_keep_what_they_have(bench: Bench) -> None:
    mark = small_batches(bench)
    (first, *_) = bench.world.keys("lake/_compacted/shop/shop/")
    bench.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=first)
    (problem,) = merger(bench).merge(mark.epoch, [NOTES])
    assert "is missing, although Glue has its partition" in problem
    assert table_now(bench).merged == ()
