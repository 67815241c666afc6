"""`verify:` in Dagster: a warning beside the source's run, and no word of the secret anywhere."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from rds_lake.config.database import Verify
from rds_lake.infra.policy.signals import verify_statement
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import World, execute

SECRET = "hunter2-tiger"


def verified(shell: Shell, dsn: str) -> str:
    """A lake whose one source is compared with that database; the secret's ARN."""
    client = shell.world.clients.client("secretsmanager")
    arn = client.create_secret(Name="shop-reader", SecretString=dsn)["ARN"]
    shell.world.with_source(verify=Verify(secret=arn))
    shell.reload()
    return arn


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "rows_as_in_the_database"]
    return evaluation


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_a_table_that_differs_from_the_database_warns_and_is_published_all_the_same(shell: Shell) -> None:
    verified(shell, shell.world.url)
    shell.world.snapshot(today(), hour=0)
    execute(shell.world.url, "INSERT INTO orders (id) SELECT i FROM generate_series(1000, 2000) i")
    result = shell.materialize(today())
    assert result.success
    compared = check(result)
    assert (compared.passed, compared.severity) == (False, dg.AssetCheckSeverity.WARN)
    shown = str(compared.metadata["problems"].value)
    assert shown == "- shop.public.orders: the snapshot has 10 rows, the database has 1,011 rows now"
    assert compared.metadata["rds_lake/tables_counted"].value == 3
    old = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    shell.world.snapshot(old)
    assert "not compared" in (check(shell.materialize(old, "snapshot_export", "parquet")).description or "")


def test_the_databases_own_words_are_the_descriptions_of_columns(shell: Shell) -> None:
    verified(shell, shell.world.url)
    execute(
        shell.world.url,
        """
        CREATE TYPE order_state AS ENUM ('new', 'in transit', 'paid');
        ALTER TABLE orders ADD state order_state, ADD owed numeric(12,2);
        COMMENT ON COLUMN orders.id IS 'Given by the shop, never used twice';
        COMMENT ON COLUMN orders.owed IS 'What is still to be paid';
        COMMENT ON TABLE orders IS 'One row for each order'
        """,
    )
    shell.world.snapshot(today(), hour=0)
    result = shell.materialize(today())
    assert result.success
    (made,) = result.asset_materializations_for_node("shop__publish")[:1]
    assert made.asset_key == dg.AssetKey(["shop", "orders"])
    shown = made.metadata["dagster/column_schema"]
    assert isinstance(shown, dg.TableSchemaMetadataValue)
    columns = {column.name: column.description for column in shown.value.columns}
    assert columns["id"] == "Given by the shop, never used twice (bigint)"
    assert columns["state"] == "order_state: new, in transit, paid"
    assert columns["owed"] == "What is still to be paid (numeric(12,2))"
    assert made.metadata["rds_lake/comment"].value == "One row for each order"


@pytest.mark.exhaustive
def test_a_database_that_cannot_be_reached_fails_this_check_alone_and_the_secret_is_nowhere(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rds_lake.defs.checks.verify.RETRIES", dg.RetryPolicy(max_retries=0)
    )  # they would wait for minutes
    arn = verified(shell, f"postgresql://reader:{SECRET}@127.0.0.1:9/secret_db")
    shell.world.snapshot(today(), hour=0)
    job = shell.definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey(["shop", "parquet"]), "rows_as_in_the_database")
    assert shell.materialize(today(), "snapshot_export").success
    shell.world.publish(today())
    result = job.get_subset(asset_check_selection={key}).execute_in_process(
        instance=shell.instance, raise_on_error=False
    )
    assert not result.success
    logged = " ".join(str(entry) for entry in shell.instance.all_logs(result.run_id))
    assert "cannot be reached" in logged
    for word in (SECRET, "secret_db", "reader"):
        assert word not in logged
    statement = verify_statement(shell.world.config)
    assert statement is not None
    rendered = statement.as_dict()
    assert (rendered["Action"], rendered["Resource"]) == (["secretsmanager:GetSecretValue"], [arn])


@pytest.mark.exhaustive
def test_without_verify_nobody_needs_a_secret(world: World) -> None:
    assert verify_statement(world.config) is None


@pytest.mark.parametrize("setting", [{"tolerance": 2}, {"secret": "shop-reader"}])
def test_settings_that_cannot_work_are_refused(setting: dict[str, object]) -> None:
    good = {"secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf"}
    assert Verify.model_validate(good)
    with pytest.raises(ValueError, match=next(iter(setting))):
        Verify.model_validate(good | setting)
