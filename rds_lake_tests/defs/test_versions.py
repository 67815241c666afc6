"""What Dagster knows of an asset besides its data: whose it is, which version it has, how old it may be, where columns come from."""

from datetime import timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rds_lake.config.shared import Owner
from rds_lake.defs.build import build_definitions
from rds_lake_tests.defs.shell import Shell

DAY = "2026-11-20"
ORDERS = dg.AssetKey(["shop", "orders"])


def version(shell: Shell, name: str) -> str:
    event = shell.instance.get_latest_materialization_event(dg.AssetKey(["shop", name]))
    assert event is not None
    made = event.asset_materialization
    assert made is not None
    return (made.tags or {})["dagster/data_version"]


def versions(shell: Shell) -> dict[str, str]:
    return {name: version(shell, name) for name in ("snapshot_export", "parquet", "catalog", "orders", "order_details")}


def shown(shell: Shell) -> dict[str, object]:
    event = shell.instance.get_latest_materialization_event(ORDERS)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.exhaustive
def test_a_date_that_is_made_again_without_a_change_keeps_every_version(shell: Shell) -> None:
    shell.world.snapshot(DAY, event=False)
    assert shell.materialize(DAY).success
    first = versions(shell)
    (task,) = shell.world.gateways.rds.list_export_tasks()
    assert first["snapshot_export"] == task.identifier
    assert shell.materialize(DAY).success
    assert versions(shell) == first


@pytest.mark.exhaustive
def test_another_snapshot_of_the_date_is_another_version_of_everything(shell: Shell) -> None:
    shell.world.with_source(replace=True)
    shell.reload()
    shell.world.snapshot(DAY, hour=3, event=False)
    assert shell.materialize(DAY).success
    first = versions(shell)
    shell.world.snapshot(DAY, hour=15, event=False)
    assert shell.materialize(DAY).success
    assert all(first[name] != now for name, now in versions(shell).items())


@pytest.mark.exhaustive
def test_a_type_that_lake_yaml_changes_makes_another_version_of_that_view_alone(shell: Shell) -> None:
    shell.world.snapshot(DAY, event=False)
    assert shell.materialize(DAY).success
    first = versions(shell)
    shell.world.with_source(types={"shop.public.orders.id": "varchar"})
    shell.reload()
    assert shell.materialize(DAY).success
    assert {name for name, now in versions(shell).items() if now != first[name]} == {"orders"}


def test_each_column_of_a_view_names_the_raw_column_it_is_made_of(shell: Shell) -> None:
    shell.world.snapshot(DAY, event=False)
    assert shell.materialize(DAY).success
    lineage, schema = shown(shell)["dagster/column_lineage"], shown(shell)["dagster/column_schema"]
    assert isinstance(lineage, dg.TableColumnLineage)
    assert isinstance(schema, dg.TableSchema)
    assert set(lineage.deps_by_column) == {column.name for column in schema.columns}
    (dep,) = lineage.deps_by_column["id"]
    assert (dep.asset_key.path, dep.column_name) == (["shop", "catalog"], "snapshots_orders.id")


@pytest.mark.exhaustive
def test_a_column_with_another_name_and_type_in_the_view_names_the_raw_column_as_the_database_calls_it(
    shell: Shell,
) -> None:
    column = "shop.public.orders.total"
    shell.world.with_source(rename={column: "amount"}, types={column: "varchar"})
    shell.reload()
    shell.world.snapshot(DAY, event=False)
    assert shell.materialize(DAY).success
    lineage = shown(shell)["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    (dep,) = lineage.deps_by_column["amount"]
    assert dep.column_name == "snapshots_orders.total" and "total" not in lineage.deps_by_column


@pytest.mark.exhaustive
def test_every_asset_and_only_the_views_of_a_source_say_whose_and_how_old(shell: Shell) -> None:
    shell.world.with_source(owners=("ann@example.com", "team:shop"), freshness_hours=30, publish="manual")
    specs = {spec.key: spec for spec in build_definitions(shell.world.config).resolve_all_asset_specs()}
    assert {tuple(spec.owners) for spec in specs.values()} == {("ann@example.com", "team:shop")}
    aged = {key.path[-1]: spec.freshness_policy for key, spec in specs.items() if spec.freshness_policy}
    assert list(aged) == ["views"]
    (policy,) = aged.values()
    assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30))


@pytest.mark.exhaustive
def test_a_source_that_may_be_as_old_as_it_likes_has_no_policy(shell: Shell) -> None:
    shell.world.with_source(freshness_hours=0)
    assert not [s for s in build_definitions(shell.world.config).resolve_all_asset_specs() if s.freshness_policy]


def accepted(owner: str) -> bool:
    try:
        TypeAdapter(Owner).validate_python(owner)
    except ValidationError:
        return False
    return True


def is_dagsters(owner: str) -> bool:
    try:
        dg.AssetSpec("a", owners=[owner])
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


@pytest.mark.parametrize(
    "owner",
    ["ann@example.com", "a.b+c@x-y.example.org", "team:shop", "team:", "ann", "ann@", "@x.com", "a@b.c", "", "Team:x"],
)
def test_an_owner_is_what_dagster_takes_for_one(owner: str) -> None:
    assert accepted(owner) == is_dagsters(owner)


@given(
    st.one_of(st.emails(), st.text(max_size=12), st.from_regex(r"(team:)?[a-z.%+-]{0,5}@?[a-z.-]{0,6}", fullmatch=True))
)
def test_lake_yaml_takes_no_owner_that_dagster_refuses(owner: str) -> None:
    assert not accepted(owner) or is_dagsters(owner)
