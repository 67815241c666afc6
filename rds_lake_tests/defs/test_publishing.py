"""Publishing as Dagster shows it: dates that wait, rows that are gone, and what readers see."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from rds_lake.aws.athena import AthenaGateway
from rds_lake.cli import main
from rds_lake.config.database import Verify
from rds_lake.defs.checks.watch import WATCH_CHECK
from rds_lake.defs.resources import utc_now
from rds_lake_tests.defs.shell import QUIET, Shell
from rds_lake_tests.support.world import World, execute, until


def check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    (evaluation,) = [item for item in result.get_asset_check_evaluations() if item.check_name == name]
    return evaluation


def problems(evaluation: dg.AssetCheckEvaluation) -> str:
    return str(evaluation.metadata["problems"].value)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key and e.asset_key.path[-1] == asset]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def materialized(shell: Shell, asset: str) -> set[str]:
    return set(shell.instance.get_materialized_partitions(dg.AssetKey(["shop", asset])))


def dates(shell: Shell) -> list[tuple[str | None, ...]]:
    return shell.world.query("SELECT DISTINCT snapshot_date FROM orders")


def by_hand(shell: Shell) -> None:
    shell.world.with_source(publish="manual")
    shell.reload()


def test_a_held_date_is_shown_reported_once_and_published_by_materializing_its_approval(shell: Shell) -> None:
    by_hand(shell)
    mailbox = shell.world.mailbox()
    shell.world.snapshot("2026-11-20")
    names = ("snapshot_export", "parquet", "catalog", "orders", "order_details", "sales_nothing", "publish_outcome")
    assert shell.materialize("2026-11-20", *names).success
    result = shell.materialize("2026-11-20", *names)
    assert result.success
    assert metadata(result, "publish_outcome")["rds_lake/state"] == "held"
    assert materialized(shell, "orders") == set(), "what waits for the table has no reason to start: no view moved"
    (seen,) = shell.instance.fetch_observations(dg.AssetKey(["shop", "orders"]), limit=1).records
    assert seen.asset_observation is not None
    assert "held" in str(seen.asset_observation.metadata["rds_lake/status"].value)
    assert [request for request in shell.reconcile() if request.partition_key == "2026-11-20"] == []
    assert "orders" not in shell.world.gateways.glue.list_tables("shop")
    (mail,) = mailbox.read()
    assert mail["Subject"] == "[rds-lake] shop 2026-11-20: waits to be published"
    assert "rds-lake publish shop 2026-11-20" in mail["Message"]
    assert check(result, "published_is_fresh").description == (
        "nothing is published yet; 2026-11-20 waits: rds-lake publish shop 2026-11-20"
    )
    together = shell.materialize("2026-11-20")
    assert together.success
    assert "orders" not in shell.world.gateways.glue.list_tables("shop"), "everything at once is no decision"
    approved = shell.materialize("2026-11-20", "publish_approval")
    assert metadata(approved, "publish_approval")["rds_lake/views_moved"] == 3
    assert dates(shell) == [("2026-11-20",)]
    assert materialized(shell, "orders") == materialized(shell, "sales_nothing") == {"2026-11-20"}
    refused = shell.materialize("2026-11-19", "publish_approval")
    assert "to go back: rds-lake rollback shop 2026-11-19" in shell.failure(refused)


def test_every_check_of_a_good_date_says_in_numbers_what_it_saw(shell: Shell) -> None:
    shell.world.snapshot("2026-11-19")
    first = shell.materialize("2026-11-19")
    assert check(first, "rows_against_previous").description == (
        "2026-11-19: the first date, 30 rows in 3 tables: nothing to compare with"
    )
    execute(shell.world.url, "DELETE FROM orders WHERE id = 10; CREATE TABLE customers AS SELECT 1 AS id")
    shell.world.snapshot("2026-11-20")
    said = {
        one.check_name: (one.description or "").removeprefix("2026-11-20: ")
        for one in shell.materialize("2026-11-20").get_asset_check_evaluations()
    }
    assert said["rows_against_previous"] == (
        "customers 1 row, new; orders 9 rows, 10 on 2026-11-19; 2 tables with as many rows as on 2026-11-19"
    )
    assert said["rows_readable"] == "Athena reads all 30 rows of 4 tables"
    assert said["published_is_readable"] == "4 views return all 30 rows"
    assert said["tables_as_known"].startswith("shop.public.customers is new: it is published, but has no asset")
    assert said["source_is_watched"] == (
        "no problem; the age of its snapshots is not checked, as `freshness_hours` is 0"
    )
    assert said["schema_changes"].startswith("1 new table")
    assert not [text for text in said.values() if len(text.split()) < 3 or "1 problems" in text]


@pytest.mark.exhaustive
def test_no_sensor_asks_for_an_approval(shell: Shell) -> None:
    by_hand(shell)
    shell.world.snapshot("2026-11-20")
    (request,) = shell.tick()
    shell.run(request)
    (request,) = until(shell.tick)
    selected = {key.path[-1] for key in request.asset_selection or ()}
    assert "orders" in selected
    assert "publish_approval" not in selected


@pytest.mark.parametrize(
    ("max_drop", "severity"),
    [
        ({"default": 0.9, "customers": 0.1}, dg.AssetCheckSeverity.ERROR),
        ({"default": 0.1, "shop.public.customers": 1.0}, dg.AssetCheckSeverity.WARN),
    ],
)
def test_a_table_that_lost_its_rows_stops_before_readers_see_it_and_a_tiny_one_warns(
    shell: Shell, max_drop: Any, severity: dg.AssetCheckSeverity
) -> None:
    execute(shell.world.url, "CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 1000) i")
    shell.world.with_source(max_drop=max_drop)
    shell.reload()
    shell.world.snapshot("2026-11-19")
    first = shell.materialize("2026-11-19")
    assert first.success
    assert "nothing to compare with" in (check(first, "rows_against_previous").description or "")
    execute(shell.world.url, "DELETE FROM customers WHERE id > 200; DELETE FROM orders")
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    compared = check(result, "rows_against_previous")
    assert (compared.passed, compared.severity) == (False, severity)
    assert "shop.public.orders: 0 rows, 10 before: 100.0% are gone" in problems(compared)
    stopped = severity is dg.AssetCheckSeverity.ERROR
    assert result.success is not stopped
    status = "FAILED" if stopped else "MATERIALIZED"
    assert [shell.status("2026-11-20", name) for name in ("catalog", "orders")] == [status, status]
    if not stopped:
        assert dates(shell) == []
        return
    said = shell.failure(result)
    assert "shop.public.customers: 200 rows, 1,000 before: 80.0% are gone" in said
    assert "rds-lake publish shop 2026-11-20 --accept-drop" in said
    assert dates(shell) == [("2026-11-19",)]


def test_what_readers_see_is_read_back_and_a_view_that_broke_later_is_named(shell: Shell) -> None:
    shell.world.snapshot("2026-11-19")
    result = shell.materialize("2026-11-19")
    assert check(result, "published_is_readable").passed
    world = shell.world
    gone = [key for key in world.keys("lake/shop/") if "public.orders/" in key]
    world.root.s3.delete("acme-lake", gone)
    world.clients.client("glue").delete_table(DatabaseName="shop", Name="snapshots_order_details")
    job = shell.definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey(["shop", "catalog"]), "published_is_readable")
    again = job.get_subset(asset_check_selection={key}).execute_in_process(
        instance=shell.instance, partition_key="2026-11-19", raise_on_error=False
    )
    assert "shop.public.Order Details" in shell.failure(again), "a raw table that is gone is an error with what to do"
    run, day = world.run(), date(2026, 11, 19)
    run.shared.catalogue(day)
    run.shared.publish(day, now=datetime.now(UTC))
    world.gateways.athena.run("CREATE OR REPLACE VIEW order_details AS SELECT 1 AS id", database="shop")
    again = job.get_subset(asset_check_selection={key}).execute_in_process(
        instance=shell.instance, partition_key="2026-11-19", raise_on_error=False
    )
    read = check(again, "published_is_readable")
    assert (read.passed, read.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "order_details: readers get 1 row, the published date has 20" in problems(read)


@pytest.mark.exhaustive
def test_a_stale_source_is_one_incident_and_the_age_of_what_readers_see_is_shown_with_it(shell: Shell) -> None:
    shell.world.with_source(freshness_hours=1)
    shell.reload()
    shell.world.snapshot("2026-11-19")
    result = shell.materialize("2026-11-19")
    assert check(result, "published_is_fresh").passed is False
    mailbox = shell.world.mailbox()
    stale = [request for request in shell.reconcile() if request.asset_check_keys]
    for request in stale:
        failed = shell.run(request)
        assert check(failed, WATCH_CHECK).passed is False
        assert "readers see 2026-11-19" in problems(check(failed, "published_is_fresh"))
    assert len(mailbox.read()) == len(stale) == 1


@pytest.mark.exhaustive
def test_an_accepted_drop_is_published_and_the_next_date_is_measured_by_it(shell: Shell) -> None:
    from datetime import UTC, datetime

    from rds_lake.errors import PublishError
    from rds_lake.stages.publish import by_hand as stage

    world = shell.world
    execute(world.url, "CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 1000) i")
    for day in ("2026-11-18", "2026-11-19"):
        world.snapshot(day)
        shell.materialize(day)
        execute(world.url, "DELETE FROM customers WHERE id > 1")
    world.snapshot("2026-11-20")
    assert not shell.materialize("2026-11-20").success, "a second day of it is measured by the last good one"
    publisher = world.run().shared.publisher(datetime.now(UTC))
    with pytest.raises(PublishError, match="--accept-drop"):
        stage.approve(publisher, date(2026, 11, 19))
    stage.approve(publisher, date(2026, 11, 19), accept_drop=True)
    assert dates(shell) == [("2026-11-19",)]
    assert shell.materialize("2026-11-20").success
    assert dates(shell) == [("2026-11-20",)]


@pytest.mark.exhaustive
def test_every_check_has_the_dates_of_its_asset(shell: Shell) -> None:
    shell.world.with_source(
        publish="manual", verify=Verify(secret="arn:aws:secretsmanager:us-east-1:123456789012:secret:x")
    )
    shell.reload()
    made: list[Any] = [*(shell.definitions.assets or ()), *(shell.definitions.asset_checks or ())]
    specs = [spec for definition in made for spec in definition.check_specs]
    assert specs
    assert [spec.name for spec in specs if spec.partitions_def is None] == []


@pytest.fixture
def installed(world: World) -> Iterator[Shell]:
    """Its Dagster's events are on disk, where commands find them as well."""
    with dg.instance_for_test(overrides=QUIET) as instance:
        yield Shell(world, instance)


@pytest.mark.exhaustive
def test_commands_and_refresh_tell_dagster_what_readers_see(installed: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, world = installed, installed.world
    path = world.config.directory / "lake.yaml"
    world.be_the_process(monkeypatch)
    monkeypatch.setenv("DAGSTER_HOME", str(shell.instance.root_directory))

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, "--config", str(path)])
        assert done.exit_code == 0, done.output
        return done.output

    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
        world.publish(day)
    assert materialized(shell, "orders") == set()
    assert "Dagster now shows" in command("refresh", "shop")
    assert materialized(shell, "orders") == materialized(shell, "sales_nothing") == {"2026-11-19", "2026-11-20"}
    assert "Dagster now shows" not in command("refresh", "shop"), "what Dagster shows already is not recorded again"
    command("rollback", "shop", "2026-11-19")
    (newest,) = shell.instance.fetch_materializations(dg.AssetKey(["shop", "orders"]), limit=1).records
    assert newest.partition_key == "2026-11-19"
    command("publish", "shop", "2026-11-20")
    (newest,) = shell.instance.fetch_materializations(dg.AssetKey(["shop", "orders"]), limit=1).records
    assert newest.partition_key == "2026-11-20"
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["rds_lake/how"].value == "rds-lake publish"


@pytest.mark.exhaustive
def test_a_source_without_athena_fails_as_well_where_a_table_lost_its_rows(shell: Shell) -> None:
    execute(shell.world.url, "CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 1000) i")
    shell.world.with_source(athena=False)
    shell.reload()
    shell.world.snapshot("2026-11-19")
    assert shell.materialize("2026-11-19").success
    execute(shell.world.url, "DELETE FROM customers WHERE id > 200")
    shell.world.snapshot("2026-11-20", event=False)
    result = shell.materialize("2026-11-20")
    assert not result.success
    said = shell.failure(result)
    assert "shop.public.customers: 200 rows, 1,000 before: 80.0% are gone" in said
    assert "`max_drop: {customers: 1}`" in said
    assert "rds-lake publish" not in said, "there is nothing to publish"
    assert shell.status("2026-11-20", "parquet") == "FAILED"
    asked = [*shell.tick(), *shell.reconcile()]
    assert [request for request in asked if request.partition_key == "2026-11-20"] == [], "a person has seen it"


@pytest.mark.exhaustive
def test_views_that_a_killed_publication_left_mixed_are_put_right_by_the_next_tick(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    world, long_ago = shell.world, utc_now() - timedelta(hours=1)
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
    assert shell.materialize("2026-11-19").success
    run, when = world.run(), date(2026, 11, 20)
    run.accept(when, poll_seconds=0.05)
    run.relocate(when)
    run.shared.catalogue(when)
    run_many = AthenaGateway.run_many

    def dies(self: AthenaGateway, statements: Sequence[str], **arguments: Any) -> Any:
        run_many(self, statements[:1], **arguments)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(AthenaGateway, "run_many", dies)
        with pytest.raises(Killed):
            run.shared.publish(when, now=long_ago)
    views = "SELECT snapshot_date FROM order_details UNION SELECT snapshot_date FROM orders ORDER BY 1"
    assert world.query(views) == [("2026-11-19",), ("2026-11-20",)]
    (request,) = [request for request in shell.reconcile() if str(request.run_key).startswith("repair:shop:")]
    assert {key.path[-1] for key in request.asset_selection or ()} >= {"catalog", "orders", "order_details"}
    assert shell.run(request).success
    assert world.query(views) == [("2026-11-19",)]
    assert not [request for request in shell.reconcile() if str(request.run_key).startswith("repair:")]
