"""In a project that the lake is merged into, its mails are about the lake, and every one says why."""

from typing import Any

import dagster as dg
import pytest

from rds_lake.config.shared import Retention
from rds_lake.defs.build import build_definitions
from rds_lake.defs.sensors.failures import own_steps
from rds_lake.defs.translate import partitions_of
from rds_lake.stages.databases.run import DatabaseRun
from rds_lake_tests.defs.shell import Shell


def fail(shell: Shell, *, name: str = "model", **how: Any) -> None:
    """A run of another project's asset fails, and the lake's failure sensor looks at it."""

    @dg.asset(key=dg.AssetKey(["shop", name]), **how)
    def broken() -> None:
        raise ValueError("the model is wrong")

    assert isinstance(broken, dg.AssetsDefinition)
    job = dg.Definitions([broken]).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=shell.instance, asset_selection=[dg.AssetKey(["shop", name])], raise_on_error=False
    )
    shell.tell_failure(result)


def test_failures_of_other_peoples_assets_are_not_mailed_even_under_the_sources_name(shell: Shell) -> None:
    mailbox = shell.world.mailbox()
    fail(shell)
    fail(shell, name="orders_of_today", group_name="shop")
    assert mailbox.read() == []


@pytest.mark.exhaustive
def test_a_run_that_makes_both_and_fails_in_theirs_is_not_mailed(shell: Shell) -> None:
    mailbox = shell.world.mailbox()
    shell.world.with_source(athena=False)
    shell.reload()
    shell.world.snapshot("2026-11-20", event=False)
    partitions = partitions_of(shell.world.config)

    @dg.asset(key=dg.AssetKey(["shop", "model"]), deps=[dg.AssetKey(["shop", "parquet"])], partitions_def=partitions)
    def model() -> None:
        raise ValueError("the model is wrong")

    whole = dg.Definitions.merge(shell.definitions, dg.Definitions([model]))
    keys = [dg.AssetKey(["shop", name]) for name in ("snapshot_export", "parquet", "model")]
    result = whole.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=shell.instance, partition_key="2026-11-20", asset_selection=keys, raise_on_error=False
    )
    assert not result.success
    shell.tell_failure(result)
    assert mailbox.read() == []


@pytest.mark.exhaustive
def test_an_error_that_is_none_of_ours_is_mailed_with_what_it_came_from(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unforeseen(*_: object, **__: object) -> None:
        try:
            raise ConnectionResetError("the peer hung up")
        except ConnectionResetError as error:
            raise KeyError("SnapshotTime") from error

    monkeypatch.setattr("rds_lake.defs.assets.export.RETRIES", dg.RetryPolicy(max_retries=0))
    shell.reload()
    mailbox = shell.world.mailbox()
    monkeypatch.setattr(DatabaseRun, "accept", unforeseen)
    shell.tell_failure(shell.materialize("2026-11-20", "snapshot_export"))
    (mail,) = mailbox.read()
    assert "KeyError: 'SnapshotTime'" in mail["Message"]
    assert "ConnectionResetError: the peer hung up" in mail["Message"]


def test_a_run_that_never_came_to_a_step_is_mailed_with_its_cause(shell: Shell) -> None:
    def unforeseen(_: dg.InitResourceContext) -> None:
        raise ValueError("the config profile (nope) could not be found")

    mailbox = shell.world.mailbox()
    resources = {"aws": shell.world.aws, "gateways": dg.ResourceDefinition(unforeseen)}
    shell.definitions = build_definitions(shell.world.config, resources=resources)
    shell.tell_failure(shell.materialize("2026-11-20", "snapshot_export"))
    (mail,) = mailbox.read()
    assert "ValueError: the config profile (nope) could not be found" in mail["Message"]


@pytest.mark.exhaustive
def test_credentials_that_fail_for_a_moment_fail_a_step_and_so_are_retried(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resource that fails would fail the run before its first step, which nothing repeats."""

    def refused(*_: object, **__: object) -> None:
        raise ValueError("Error when retrieving credentials from container-role")

    monkeypatch.setattr("rds_lake.defs.assets.export.RETRIES", dg.RetryPolicy(max_retries=0))
    monkeypatch.setattr("rds_lake.defs.resources._clients", refused)
    shell.reload()
    result = shell.materialize("2026-11-20", "snapshot_export")
    assert [event.event_type_value for event in result.all_node_events if event.is_step_failure] == ["STEP_FAILURE"]


@pytest.mark.exhaustive
def test_every_operation_of_the_lake_is_one_that_failures_are_mailed_of(shell: Shell) -> None:
    """An operation that is added and not known here would fail in silence."""
    shell.world.with_source(publish="manual", retention=Retention())
    shell.reload()
    nodes = shell.definitions.resolve_implicit_global_asset_job_def().nodes
    assert {node.name for node in nodes} <= own_steps(shell.world.config)
