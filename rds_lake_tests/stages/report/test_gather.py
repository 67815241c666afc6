"""The report says what the lake's own records have, and what of it needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.defs.failed.known import known_failures
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.date_diff import CountedTable, DateDiff
from rds_lake.stages.diff.record import write_date_diff
from rds_lake.stages.report.gather import gather
from rds_lake.stages.report.page.page import render_page
from rds_lake.stages.report.values import ChangedRows, KnownFailures, LakeReport, SourceReport
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.support.world import World, execute, seed_tiny

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
DAYS = tuple(date(2026, 11, day) for day in (18, 19, 20, 21))


@pytest.fixture(scope="module")
def story(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    """Two dates published, one held, one that lost its rows, and one in whose export AWS left a table out."""
    session_cloud.reset()
    seed_tiny(tiny_url)
    execute(tiny_url, 'CREATE TABLE "<script>" (id integer)')
    world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("report"), root=root)
    world.with_source(freshness_hours=36, max_drop={"orders": 0.1})
    world.snapshot("2026-11-18")
    world.publish("2026-11-18")
    execute(tiny_url, 'DROP TABLE "Order Details"')
    execute(tiny_url, "ALTER TABLE orders ADD COLUMN note text")
    execute(tiny_url, "INSERT INTO orders (id) VALUES (11), (12)")
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.with_source(publish="manual")
    yield world


@pytest.fixture(scope="module")
def instance(story: World) -> Iterator[dg.DagsterInstance]:
    """The Dagster in which the later dates were made."""
    with quick_instance() as instance:
        shell = Shell(story, instance)
        story.snapshot("2026-11-20")
        assert shell.materialize("2026-11-20").success
        execute(story.url, "DELETE FROM orders WHERE id > 2")
        story.snapshot("2026-11-21")
        assert not shell.materialize("2026-11-21").success
        story.snapshot("2026-11-22")
        story.break_next_export(skip_tables=["shop.public.orders"])
        assert not shell.materialize("2026-11-22").success
        yield instance


def read(world: World, failures: KnownFailures) -> LakeReport:
    gateways = world.gateways
    return gather(world.config, world.config.sources, rds=gateways.rds, lake=gateways.lake, failures=failures, now=NOW)


@pytest.fixture(scope="module")
def report(story: World, instance: dg.DagsterInstance) -> LakeReport:
    return read(story, known_failures(instance, story.config, now=datetime.now(UTC) + timedelta(minutes=1)))


@pytest.fixture(scope="module")
def shop(report: LakeReport) -> SourceReport:
    (shop,) = report.sources
    return shop


def test_every_date_has_its_state_and_its_rows(shop: SourceReport) -> None:
    assert [(one.snapshot_date, one.state, one.tables, one.rows) for one in shop.dates] == [
        (DAYS[0], "published", 4, 30),
        (DAYS[1], "published", 3, 12),
        (DAYS[2], "held", 3, 12),
        (DAYS[3], "not through its checks", 3, 2),
    ]
    assert all(one.bytes for one in shop.dates)


def test_what_needs_a_person_is_said_in_the_words_of_status(shop: SourceReport) -> None:
    said = [need.sentence for need in shop.needs]
    assert said[0].startswith("readers see 2026-11-19, 4 d 2 h old, and `freshness_hours` allows 1 d 12 h (STALE")
    assert said[1] == "in the lake, but checks did not pass: 2026-11-21; see the run of the date in Dagster"
    assert said[2] == "2026-11-20 waits: rds-lake publish shop 2026-11-20"
    runs = [sentence for sentence in said if sentence.startswith("run ")]
    assert any("of 2026-11-21 failed" in run and "publish shop 2026-11-21 --accept-drop" in run for run in runs), runs
    assert any(
        "of 2026-11-22 failed" in run and "has the status COMPLETE, but lacks tables or files" in run for run in runs
    ), runs
    assert len(runs) == 2


def test_what_was_skipped_and_which_checks_failed_is_said(shop: SourceReport) -> None:
    checks = [need.sentence for need in shop.needs if need.sentence.startswith("check ")]
    assert len(checks) == 2
    assert checks[0].startswith(
        "check `export_complete` did not pass: 2026-11-22: AWS reports skippedTables: tableName shop.public.orders"
    )
    assert checks[1].startswith(
        "check `rows_against_previous` did not pass: 2026-11-21: shop.public.orders: 2 rows, 12 before"
    )


def test_what_only_explains_what_readers_find_needs_nobody(shop: SourceReport) -> None:
    assert "not in this snapshot, so their views were dropped: shop.public.Order Details" in shop.notes
    assert any(note.startswith("check `tables_as_known` did not pass: 2026-11-") for note in shop.notes), shop.notes


def test_tables_are_compared_with_the_date_before(shop: SourceReport) -> None:
    assert {one.view: (one.rows, one.rows_before) for one in shop.tables.figures} == {
        "orders": (12, 10),
        "_script_": (0, 0),
        "sales_nothing": (0, 0),
    }
    assert [(one.before, one.after, one.table, one.what) for one in shop.tables.schema] == [
        (DAYS[0], DAYS[1], "shop.public.Order Details", "the table is gone"),
        (DAYS[0], DAYS[1], "shop.public.orders", "column note added, text"),
    ]
    assert shop.growth is not None
    assert (shop.growth.since, shop.growth.rows) == (DAYS[0], -18)


def test_an_exports_cost_is_summed_by_month(shop: SourceReport) -> None:
    (november,) = shop.costs
    assert shop.status is not None and shop.status.export_usd is not None
    assert (november.month, november.exports) == (date(2026, 11, 1), 4)
    assert november.usd == pytest.approx(4 * shop.status.export_usd)


def test_the_page_has_the_table_named_script_as_text(report: LakeReport) -> None:
    page = render_page(report)
    assert "shop.public.&lt;script&gt;" in page
    assert "<script" not in page


def test_changed_rows_are_shown_where_somebody_counted_them(story: World, report: LakeReport) -> None:
    assert not report.sources[0].tables.has_changed_rows
    assert "Changed since" not in render_page(report)
    orders = CountedTable(table="shop.public.orders", view="orders", rows_before=10, rows_after=11, added=2, removed=1)
    counted = DateDiff(
        source="shop",
        snapshot_date=DAYS[1],
        export_task="new",
        before=DAYS[0],
        before_export_task="old",
        compared_at=NOW,
        tables=(orders,),
    )
    write_date_diff(story.gateways.lake, counted)
    try:
        (shop,) = read(story, KnownFailures()).sources
        found = {one.view: one.changed for one in shop.tables.figures if one.changed}
        assert found == {"orders": ChangedRows(added=2, removed=1, changed=None)}
        assert "2 added, 1 removed" in render_page(read(story, KnownFailures()))
    finally:
        story.root.s3.delete("acme-lake", [story.gateways.lake.layout.diff_key("shop", DAYS[1])])


def test_each_list_and_each_manifest_of_a_source_is_read_once(story: World, report: LakeReport) -> None:
    (source,) = story.config.sources
    client = story.gateways.lake.s3.client
    asked = list[str]()
    client.meta.events.register_first(
        "before-send.s3.*", lambda request, **_: asked.append(f"{request.method} {unquote(request.url)}")
    )
    lake = replace(story.gateways.lake, s3=S3Gateway(client))  # without the wire, which asks by itself
    again = gather(story.config, [source], rds=story.gateways.rds, lake=lake, failures=KnownFailures(), now=NOW)
    assert [one.dates for one in again.sources] == [one.dates for one in report.sources]
    lists = [url for url in asked if "list-type=2" in url]
    manifests = [url for url in asked if url.endswith(".json") and "/_manifests/" in url]
    assert len(lists) == 2, lists
    assert len(manifests) == len(set(manifests)) > 2, manifests


def test_a_source_that_cannot_be_read_is_named_and_the_others_are_read(story: World) -> None:
    (shop,) = story.config.sources
    other = shop.model_copy(update={"name": "other", "freshness_hours": 0})
    config, gateways = story.config.model_copy(update={"sources": (other, shop)}), story.gateways
    story.root.s3.put_text("acme-lake", "lake/_manifests/other/_published.json", "{", kms_key=None)
    try:
        found = gather(config, config.sources, rds=gateways.rds, lake=gateways.lake, failures=KnownFailures(), now=NOW)
    finally:
        story.root.s3.delete("acme-lake", ["lake/_manifests/other/_published.json"])
    damaged, well = found.sources
    assert damaged.status is None
    assert "could not be read: s3://acme-lake/lake/_manifests/other/_published.json" in damaged.needs[0].sentence
    assert well.status is not None and len(well.dates) == 4
    assert "Dagster was not asked" in render_page(found)
