"""Runs in one process: the event path, a person's materialization, checks that block, failures that explain."""

import json
from datetime import date, timedelta

import dagster as dg
import pytest

from rds_lake.defs.build import build_definitions
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import World, execute, until


def materialized(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_the_event_path_from_snapshot_to_views_with_no_run_that_waits(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    (first,) = shell.tick()
    begun = shell.run(first)
    assert begun.success
    assert materialized(begun) == [], "the export is only started"
    assert [o.metadata["rds_lake/status"].value for o in begun.asset_observations_for_node("shop__snapshot_export")]
    until(lambda: len(shell.world.gateways.rds.list_export_tasks()) == 1)
    (second,) = until(shell.tick)
    finished = shell.run(second)
    assert finished.success
    assert materialized(finished) == [
        "catalog",
        "order_details",
        "orders",
        "parquet",
        "sales_nothing",
        "snapshot_export",
    ]
    assert all(checks(finished).values()), checks(finished)
    assert shell.world.query("SELECT count(*) FROM order_details") == [("20",)]
    assert len(shell.world.gateways.rds.list_export_tasks()) == 1
    assert shell.tick() == []


@pytest.mark.exhaustive
def test_messages_are_deleted_by_the_next_tick_only(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    assert len(shell.tick()) == 1
    attributes = {
        "QueueUrl": shell.world.gateways.queue.url,
        "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"],
    }
    sqs = shell.world.clients.client("sqs")
    assert sqs.get_queue_attributes(**attributes)["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert json.loads(shell.cursor or "")["acknowledge"]
    shell.tick()
    assert sqs.get_queue_attributes(**attributes)["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.exhaustive
def test_a_tick_lost_with_its_cursor_brings_the_message_again_and_one_export(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    (lost,) = shell.tick()
    # The daemon died before it stored the tick: cursor and request are gone, the message becomes visible again.
    shell.forget_tick()
    shell.world.clients.client("sqs").purge_queue(QueueUrl=shell.world.gateways.queue.url)
    shell.world.root.queue._client.send_message(  # type: ignore[attr-defined]
        QueueUrl=shell.world.gateways.queue.url,
        MessageBody=json.dumps(
            {
                "source": "aws.rds",
                "detail": {
                    "EventID": "RDS-EVENT-0091",
                    "SourceArn": lost.tags["rds_lake/subject"],
                    "SourceType": "SNAPSHOT",
                },
            }
        ),
    )
    (again,) = shell.tick()
    assert again.run_key == lost.run_key
    shell.run(lost)
    shell.run(again)
    assert len(shell.world.gateways.rds.list_export_tasks()) == 1


def test_a_person_materializes_a_date_and_everything_follows_in_one_run(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success
    (orders,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(["shop", "orders"])]
    metadata = orders.materialization.metadata
    assert metadata["dagster/row_count"].value == 10
    assert metadata["dagster/table_name"].value == "awsdatacatalog.shop.orders"
    assert metadata["rds_lake/query"].value == 'SELECT * FROM "shop"."orders" LIMIT 10'
    assert metadata["rds_lake/compared_with"].value == "nothing: the first date"
    assert metadata["rds_lake/values_lost"].value == 0
    assert "rds_lake/files_in_s3" not in metadata, "a local cloud has no console"
    schema = metadata["dagster/column_schema"].value
    assert {column.name: column.type for column in schema.columns}["total"] == "decimal(24,12)"  # type: ignore[union-attr]


@pytest.mark.exhaustive
def test_a_table_shows_the_date_readers_see_whichever_ran_last_and_its_rows_against_the_day_before(
    shell: Shell,
) -> None:
    shell.world.snapshot("2026-11-20")
    assert shell.materialize("2026-11-20").success
    execute(shell.world.url, "DELETE FROM orders WHERE id = 1; ALTER TABLE orders ADD big numeric")
    execute(shell.world.url, "UPDATE orders SET big = 1e60 WHERE id = 2")
    shell.world.snapshot("2026-11-21")
    assert shell.materialize("2026-11-21").success
    newest = _orders(shell)
    assert newest["rds_lake/readers_see"] == "2026-11-21"
    assert newest["rds_lake/compared_with"] == "2026-11-20"
    assert (newest["dagster/row_count"], newest["rds_lake/rows_before"], newest["rds_lake/rows_more"]) == (9, 10, -1)
    assert newest["rds_lake/values_lost"] == 1
    assert newest["rds_lake/lost_values"] == {"big": 1}
    assert shell.materialize("2026-11-20").success
    again = _orders(shell)
    assert again["rds_lake/snapshot_date"] == "2026-11-20"
    assert again["rds_lake/readers_see"] == "2026-11-21"
    assert again["rds_lake/status"] == "available as of its date; a newer date is published"


def _orders(shell: Shell) -> dict[str, object]:
    event = shell.instance.get_latest_materialization_event(dg.AssetKey(["shop", "orders"]))
    assert event is not None and event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_any_stage_can_be_repeated_alone(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    assert shell.materialize("2026-11-20").success
    for stage in ("snapshot_export", "parquet", "catalog"):
        assert shell.materialize("2026-11-20", stage).success, stage
    assert len(shell.world.gateways.rds.list_export_tasks()) == 1
    assert shell.world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_a_stage_without_the_one_before_it_says_what_to_materialize_first(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    assert "materialize `shop/snapshot_export` for 2026-11-20 first" in shell.failure(
        shell.materialize("2026-11-20", "parquet")
    )
    assert "materialize `shop/parquet` for 2026-11-20 first" in shell.failure(
        shell.materialize("2026-11-20", "catalog")
    )


def test_a_date_without_snapshot_fails_with_a_sentence(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-19")
    assert not result.success
    assert "shop-prod has no automated snapshot for 2026-11-19" in shell.failure(result)
    (seen,) = shell.instance.fetch_observations(dg.AssetKey(["shop", "snapshot_export"]), limit=1).records
    assert seen.asset_observation is not None
    assert str(seen.asset_observation.metadata["rds_lake/status"].value).startswith("no snapshot of this date: ")
    (event,) = result.get_step_failure_events()
    assert event.step_failure_data.user_failure_data is not None
    assert event.step_failure_data.user_failure_data.metadata["rds_lake/what"].value == "no snapshot of this date"


def test_a_failed_export_fails_the_run_its_event_asks_for_and_starts_no_other(shell: Shell) -> None:
    shell.world.snapshot("2026-11-20")
    shell.world.break_next_export(fail="The IAM role can't be assumed")
    shell.run(shell.tick()[0])
    (request,) = until(shell.tick)
    result = shell.run(request)
    assert not result.success
    assert "The IAM role can't be assumed" in shell.failure(result)
    assert len(shell.world.gateways.rds.list_export_tasks()) == 1


def test_skipped_tables_fail_a_blocking_check_and_no_view_moves(shell: Shell) -> None:
    shell.world.snapshot("2026-11-19")
    assert shell.materialize("2026-11-19").success
    shell.world.snapshot("2026-11-20")
    shell.world.break_next_export(skip_tables=["shop.public.orders"])
    result = shell.materialize("2026-11-20")
    assert not result.success
    assert checks(result)["export_complete"] is False
    assert "parquet" not in materialized(result)
    assert [shell.status("2026-11-20", name) for name in ("snapshot_export", "parquet")] == ["FAILED", "FAILED"]
    assert "shop.public.orders" in shell.failure(result), "the mail names the table"
    assert "PERMISSIONS_DO_NOT_EXIST" in shell.failure(result)
    assert shell.world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-19",)]


@pytest.mark.exhaustive
def test_new_and_gone_tables_are_published_or_dropped_and_reported_and_no_key_is_left_out(shell: Shell) -> None:
    execute(shell.world.url, 'CREATE TABLE brand_new (id integer); DROP TABLE "Order Details"')
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success
    assert "order_details" in materialized(result), "said to be absent, not left out"
    assert checks(result)["tables_as_known"] is False
    assert shell.world.query("SELECT count(*) FROM brand_new") == [("0",)]


def test_a_failed_run_is_mailed_once_with_cause_and_next_step(shell: Shell) -> None:
    mailbox = shell.world.mailbox()
    result = shell.materialize("2026-11-19")
    shell.tell_failure(result)
    (mail,) = mailbox.read()
    assert mail["Subject"] == "[rds-lake] shop 2026-11-19: no snapshot of this date", "and not that something failed"
    assert "has no automated snapshot for 2026-11-19" in mail["Message"]
    assert "Next step" in mail["Message"]


@pytest.mark.exhaustive
def test_sources_with_first_dates_of_their_own_are_loaded_together(world: World) -> None:
    (shop,) = world.config.sources
    later = shop.model_copy(update={"name": "blog", "start_date": world.config.lake.start_date + timedelta(days=30)})
    definitions = build_definitions(world.config.model_copy(update={"sources": (shop, later)}))
    repository = definitions.get_repository_def()
    asked = repository.get_sensor_def("rds_lake_reconciliation").asset_selection
    assert asked is not None
    keys = asked.resolve(repository.asset_graph)
    assert {dg.AssetKey([name, "snapshot_export"]) for name in ("shop", "blog")} <= keys, "of both"


@pytest.mark.exhaustive
def test_today_has_a_partition(world: World) -> None:
    definitions = build_definitions(world.config)
    (spec, *_) = definitions.resolve_all_asset_specs()
    from datetime import UTC, datetime

    today = datetime.now(UTC).date()
    assert spec.partitions_def is not None
    assert today.isoformat() in spec.partitions_def.get_partition_keys()
    assert date.fromisoformat(spec.partitions_def.get_partition_keys()[0]) == world.config.lake.start_date
