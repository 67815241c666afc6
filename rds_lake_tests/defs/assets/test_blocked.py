"""A date that a blocking check stops is not green in Dagster, and everything that was found is recorded all the same."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from rds_lake.defs.assets.context import Event, materialized
from rds_lake_tests.defs.shell import quick_instance

KEY, VIEW = dg.AssetKey(["shop", "catalog"]), dg.AssetKey(["shop", "orders"])
CHECK = dg.AssetCheckKey(KEY, "rows_readable")
DAYS = dg.StaticPartitionsDefinition(["2026-11-19", "2026-11-20"])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with quick_instance() as instance:
        yield instance


def run(instance: dg.DagsterInstance, *, stop: list[str]) -> dg.ExecuteInProcessResult:
    """One run of a stage and of what comes after it; `stop`: why the stage's blocking check does not pass."""
    spec = dg.AssetCheckSpec(CHECK.name, asset=KEY, blocking=True)

    @dg.asset(key=KEY, partitions_def=DAYS, check_specs=[spec])
    def catalog(context: dg.AssetExecutionContext) -> Iterator[Event]:
        read = dg.AssetCheckResult(asset_key=KEY, check_name=CHECK.name, passed=not stop, metadata={"rows": 7})
        yield from materialized(context, KEY, shown={"rds_lake/tables": 3}, results=[read], stop=stop)

    @dg.asset(key=VIEW, deps=[KEY], partitions_def=DAYS)
    def orders() -> None: ...

    job = dg.Definitions([catalog, orders]).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, partition_key="2026-11-20", raise_on_error=False)


def statuses(instance: dg.DagsterInstance) -> list[str]:
    shown = [instance.get_status_by_partition(key, ["2026-11-20"], DAYS) or {} for key in (KEY, VIEW)]
    return [status.value if (status := one.get("2026-11-20")) else "MISSING" for one in shown]


def checked(instance: dg.DagsterInstance) -> Any:
    """The check's newest result, as the UI reads it."""
    records: Any = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])  # type: ignore[attr-defined]
    return records[CHECK].event.dagster_event.event_specific_data


def test_a_date_that_is_stopped_is_failed_and_what_was_found_is_recorded(instance: dg.DagsterInstance) -> None:
    result = run(instance, stop=["orders: Athena reads 7 rows of 8", "customers: gone"])
    assert not result.success
    assert statuses(instance) == ["FAILED", "FAILED"], "the view was to be made, and was not"
    assert instance.get_materialized_partitions(KEY) == set()
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation == checked(instance)
    assert (evaluation.passed, evaluation.metadata["rows"].value) == (False, 7)
    (seen,) = instance.fetch_observations(KEY, limit=1).records
    assert seen.asset_observation is not None
    assert seen.partition_key == "2026-11-20"
    assert seen.asset_observation.metadata["rds_lake/tables"].value == 3
    (failure,) = [e.step_failure_data for e in result.all_node_events if e.event_type_value == "STEP_FAILURE"]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == "orders: Athena reads 7 rows of 8\ncustomers: gone"


def test_a_date_that_goes_on_is_materialized_with_its_checks(instance: dg.DagsterInstance) -> None:
    assert run(instance, stop=[]).success
    assert statuses(instance) == ["MATERIALIZED", "MATERIALIZED"]
    assert checked(instance).passed


def test_a_date_that_was_green_is_not_when_it_is_stopped_later_and_green_again_when_repaired(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, stop=[])
    run(instance, stop=["orders: gone"])
    assert statuses(instance) == ["FAILED", "FAILED"]
    run(instance, stop=[])
    assert statuses(instance) == ["MATERIALIZED", "MATERIALIZED"]
