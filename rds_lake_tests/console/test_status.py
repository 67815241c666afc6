"""`rds-lake status` shows on one screen what readers see, how old it is, and what it cost."""

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from unittest.mock import ANY

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from rds_lake.cli import main
from rds_lake.config.lake import Prices
from rds_lake.console.connect import Connected
from rds_lake.console.status import Failures, status
from rds_lake.defs.failed.runs import FailedRun, failed_runs
from rds_lake.errors import ManifestError
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.model.lake.cost import Requests, export_usd, requests_usd
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.lake.handover import get_manifest, write_manifest
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import DynamoWorld, World, execute, until


def connected_to(world: World) -> Connected:
    return Connected(
        config=world.config, rds=world.gateways.rds, dynamodb=world.gateways.dynamodb, lake=world.gateways.lake
    )


def shown(
    world: World,
    *names: str,
    now: datetime = datetime(2026, 11, 22, 5, tzinfo=UTC),
    failed: Mapping[str, Sequence[FailedRun]] = MappingProxyType({}),
) -> str:
    text, connected = io.StringIO(), connected_to(world)
    status(connected, names, now=now, console=Console(file=text, width=400), failed=Failures(runs=failed))
    return text.getvalue()


def test_a_published_source_shows_its_date_age_size_duration_and_cost(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    text = " ".join(shown(world).split())
    assert "shop published 2026-11-20, 2 d 2 h old; 3 tables, 30 rows" in text
    assert "its export took" in text
    assert "about $0." in text
    assert "order_details shop.public.Order Details 20" in text
    assert "AWS runs 0 of the 5 exports" in text


def test_a_source_whose_snapshots_stopped_says_that_it_is_stale(world: World) -> None:
    world.with_source(freshness_hours=36)
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    assert "STALE" in shown(world)
    assert "STALE" not in shown(world, now=datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.mark.exhaustive
def test_before_the_first_date_and_before_publishing_it_says_so(world: World) -> None:
    assert "shop nothing is in the lake yet" in shown(world)
    world.snapshot("2026-11-20")
    world.run().accept(date(2026, 11, 20), poll_seconds=0.05)
    world.run().relocate(date(2026, 11, 20))
    assert "newest Parquet 2026-11-20, not published" in shown(world)


@pytest.mark.exhaustive
def test_a_date_that_a_check_stopped_is_shown(world: World) -> None:
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
    world.publish("2026-11-19")
    world.run().accept(date(2026, 11, 20), poll_seconds=0.05)
    world.run().relocate(date(2026, 11, 20))
    assert "in the lake, but checks did not pass: 2026-11-20" in shown(world)


def test_a_program_reads_every_source_and_may_fail_where_one_is_stale(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.config.directory / "lake.yaml"
    path.write_text(path.read_text().replace("freshness_hours: 0", "freshness_hours: 60"))
    world.be_the_process(monkeypatch)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*options: str) -> Result:
        return CliRunner().invoke(main, ["status", "--config", str(path), *options])

    (body,) = json.loads(run("--json").stdout)
    assert body["published"] is body["age_hours"] is None
    assert run("--fail-if-stale").exit_code == 3, "nothing is readable"
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    world.snapshot(yesterday)
    world.run().accept(date.fromisoformat(yesterday), poll_seconds=0.05)
    world.run().relocate(date.fromisoformat(yesterday))
    assert run("--fail-if-stale").exit_code == 3, "it is in the lake, and no view shows it"
    world.publish(yesterday)
    (body,) = json.loads(run("--json", "--fail-if-stale").stdout)
    assert (body["published"], body["stale"], body["unchecked"]) == (yesterday, False, [])
    (line,) = [line for line in run().stdout.splitlines() if line.startswith("shop published")]
    assert "its export took" in line and "1 date in the lake" in line, (
        "in a pipe a source's headline is one line, for grep"
    )
    assert body["tables"][0] == {
        "view": "order_details",
        "table": "shop.public.Order Details",
        "rows": 20,
        "bytes": ANY,
    }
    page = Path(__file__).parents[2].joinpath("docs/monitoring.md").read_text()
    assert [key for key in body if f"`{key}`" not in page] == [], "every key is documented"
    assert body["failed_runs_error"] is None
    monkeypatch.setenv("DAGSTER_HOME", str(path.parent / "gone"))
    (body,) = json.loads(run("--json").stdout)
    assert (body["failed_runs"], body["published"]) == ([], yesterday)
    assert "failed runs could not be read" in body["failed_runs_error"], "not the same as no failed run"


@pytest.mark.exhaustive
def test_a_running_export_is_shown_with_its_date_and_progress(world: World) -> None:
    world.snapshot("2026-11-20")
    world.break_next_export(stuck=True)
    world.run().begin(date(2026, 11, 20))
    text = shown(world)
    assert "exporting 2026-11-20: " in text
    assert "AWS runs 1 of the 5 exports" in text


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """Two tables that Glue converts, one after the other."""
    world.with_glue(glue_runs=1)
    dynamo = world.of_dynamodb(converter="glue")
    dynamo.clock(datetime.now(UTC) - timedelta(days=3))
    dynamo.create("Reviews")
    dynamo.create("Users")
    dynamo.clock(None)
    return dynamo


@pytest.mark.exhaustive
def test_exports_of_dynamodb_under_way_are_shown_with_since_when(world: World, dynamo: DynamoWorld) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).date()
    dynamo.break_next_export(stuck=True)
    world.run().begin(day)
    until(lambda: dynamo.exports("Users")[0]["ExportStatus"] == "COMPLETED")
    text = shown(world, now=now + timedelta(hours=2, minutes=1))
    assert f"exporting {day}: Reviews, in progress for 2 h" in text
    assert "Users" not in text


@pytest.mark.exhaustive
@pytest.mark.usefixtures("a_day_of_twenty_minutes")
def test_exports_of_changes_under_way_are_shown_too(world: World) -> None:
    now = datetime.now(UTC)
    today, before = now.date(), now.date() - timedelta(days=1)
    dynamo = world.of_dynamodb("Reviews", incremental=True)
    dynamo.clock(now - timedelta(days=3))
    dynamo.create("Reviews", {"id": {"S": "1"}})
    dynamo.clock(None)
    world.publish(str(before))
    dynamo.break_next_export(stuck=True)
    world.run(now=lambda: now).begin(today)
    assert f"exporting {today}: Reviews, in progress for" in shown(world, now=now + timedelta(hours=2, minutes=1))


@pytest.mark.exhaustive
def test_conversions_by_glue_under_way_are_shown_with_since_when(world: World, dynamo: DynamoWorld) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).date()
    world.cloud.faults.add(read_faults({"glue_jobs": [{"stuck": True}]}))
    world.run().accept(day, poll_seconds=0.05)
    world.run().convert(day, run_kind="begin")
    text = shown(world, now=now + timedelta(hours=2, minutes=1))
    assert f"Glue converts {day}: Reviews, in progress for 2 h" in text and "(jr_" in text
    assert f"Glue converts {day}: Users, waiting, as AWS allows no more at once" in text
    assert "exporting" not in text


def test_the_command_reads_lake_yaml_and_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.be_the_process(monkeypatch)
    result = CliRunner().invoke(main, ["status", "--config", str(world.config.directory / "lake.yaml")])
    assert result.exit_code == 0, result.output
    assert "nothing is in the lake yet" in result.output


def test_an_export_costs_by_the_snapshots_size_and_a_copy_by_its_requests() -> None:
    prices = Prices(export_per_gb_snapshot=0.02, put_per_1000=0.5, get_per_1000=0.25)
    assert export_usd(prices, snapshot_gb=200) == pytest.approx(4)
    assert requests_usd(prices, Requests(puts=2000, gets=4000)) == pytest.approx(2)


@pytest.mark.exhaustive
def test_dagster_shows_what_an_export_and_its_copy_cost(world: World) -> None:
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance:
        world.snapshot("2026-11-20")
        result = Shell(world, instance).materialize("2026-11-20", "snapshot_export", "parquet")
        metadata = {
            name: value.value
            for event in result.get_asset_materialization_events()
            for name, value in event.materialization.metadata.items()
        }
    assert float(metadata["rds_lake/export_usd_estimated"]) == pytest.approx(  # type: ignore[arg-type]
        0.01 * int(metadata["rds_lake/snapshot_gb"])  # type: ignore[arg-type]
    )
    assert metadata["rds_lake/export_seconds"] is not None
    assert metadata["rds_lake/s3_requests"]


@pytest.mark.exhaustive
def test_eight_hundred_tables_fit_on_a_screen_and_cost_no_call_more(world: World) -> None:
    def manifest(count: int) -> Manifest:
        column = Column(name="id", hive_type="bigint", original_type="bigint")
        names = [TableTarget(database="shop", schema="public", table=f"t {number}") for number in range(count)]
        tables = [
            TableManifest(target=name, location=f"s3://acme-lake/lake/shop/{name}/", columns=(column,))
            for name in names
        ]
        return replace(published, tables=tuple(tables))

    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    lake, day = world.gateways.lake, date(2026, 11, 20)
    published = get_manifest(lake.s3, lake.layout, "shop", day)
    calls: dict[int, int] = {}
    for count in (3, 800):
        write_manifest(lake.s3, lake.layout, manifest(count), kms_key="alias/rds-lake")
        faults = Faults(lake.s3._client)
        screens = {names: shown(world, *names).count("\n") for names in ((), ("shop",))}
        calls[count] = len(faults.calls)
    assert screens[()] < 20
    assert screens["shop",] < 50
    assert calls[800] == calls[3]
    assert "rds-lake status shop --all-tables" in shown(world)


@pytest.mark.exhaustive
def test_with_a_clock_behind_awss_a_fresh_date_is_new_and_nothing_breaks(world: World) -> None:
    world.snapshot("2026-11-20", hour=3)
    world.publish("2026-11-20")
    assert "published 2026-11-20, 0 s old" in shown(world, now=datetime(2026, 11, 20, 2, 50, tzinfo=UTC))


@pytest.mark.exhaustive
def test_it_names_tables_whose_views_were_dropped_and_runs_that_failed_until_one_succeeds(world: World) -> None:
    now = datetime.now(UTC)
    with quick_instance() as instance:
        shell = Shell(world, instance)
        world.snapshot("2026-11-20")
        assert shell.materialize("2026-11-20").success
        assert not shell.materialize("2026-11-19").success
        execute(world.url, 'DROP TABLE "Order Details"')
        world.snapshot("2026-11-21")
        assert shell.materialize("2026-11-21").success
        (failed,) = failed_runs(instance, world.config, now=now + timedelta(minutes=1))["shop"]
        assert failed.day == "2026-11-19"
        text = shown(world, failed={"shop": [failed]})
        assert "not in this snapshot, so their views were dropped: shop.public.Order Details" in text
        assert f"run {failed.run_id[:8]} of 2026-11-19 failed" in text
        assert "has no automated snapshot for 2026-11-19" in text
        world.snapshot("2026-11-19")
        assert shell.materialize("2026-11-19").success
        assert failed_runs(instance, world.config, now=now + timedelta(minutes=1)) == {}


@pytest.mark.exhaustive
def test_a_failed_retention_is_named_however_many_turns_of_changes_succeeded_since(world: World) -> None:
    now = datetime.now(UTC) + timedelta(minutes=1)
    with quick_instance() as instance:

        def ran(asset: str, status: dg.DagsterRunStatus) -> None:
            run = dg.DagsterRun(
                job_name="__ASSET_JOB",
                run_id=str(uuid.uuid4()),
                status=status,
                asset_selection=frozenset({dg.AssetKey(["shop", asset])}),
            )
            instance.add_run(run)  # type: ignore[attr-defined] - as runs of other processes leave it

        ran("retention", dg.DagsterRunStatus.FAILURE)
        ran("changes", dg.DagsterRunStatus.FAILURE)
        for _ in range(510):
            ran("changes", dg.DagsterRunStatus.SUCCESS)
        (failed,) = failed_runs(instance, world.config, now=now)["shop"]
        assert failed.day is None
        ran("retention", dg.DagsterRunStatus.SUCCESS)
        assert failed_runs(instance, world.config, now=now) == {}


def test_a_source_whose_record_is_damaged_hides_no_other_and_ends_the_command_with_its_error(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    (shop,) = world.config.sources
    broken = shop.model_copy(update={"name": "broken", "identifier": "broken-prod"})
    world.config = world.config.model_copy(update={"sources": (broken, shop)})
    world.root.s3.put_text("acme-lake", "lake/_manifests/broken/_published.json", "{", kms_key=None)
    text, connected = io.StringIO(), connected_to(world)
    with pytest.raises(ManifestError, match=r"broken/_published\.json is damaged"):
        status(connected, (), now=datetime(2026, 11, 22, tzinfo=UTC), console=Console(file=text, width=400))
    assert "shop published 2026-11-20" in " ".join(text.getvalue().split())
