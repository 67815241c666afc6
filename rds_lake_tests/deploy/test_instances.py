"""The instance of each platform: Dagster itself takes its dagster.yaml, and all say the same of queue, monitoring and retries."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import dagster as dg
import pytest
import yaml

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.deploy.chart import rendered, unknown

PLATFORMS = ("compose", "ecs", "kubernetes")
needs_drivers = pytest.mark.skipif(
    importlib.util.find_spec("dagster_postgres") is None or importlib.util.find_spec("dagster_k8s") is None,
    reason="needs dagster-postgres and dagster-k8s: pip install 'rds-lake[deploy,kubernetes]'",
)


def settings_of(deploy: Path, platform: str) -> dict[str, Any]:
    if platform == "kubernetes":
        return rendered(yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8")))
    return yaml.safe_load((deploy / platform / "dagster.yaml").read_text(encoding="utf-8"))


def said_of_runs(settings: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on where Dagster runs."""
    queue = settings.get("run_coordinator", {}).get("config") or settings["concurrency"]["runs"]
    ticks = settings["retention"]["sensor"]["purge_after_days"]
    return {
        "most": queue["max_concurrent_runs"],
        "limits": queue["tag_concurrency_limits"],
        "longest": settings["run_monitoring"]["max_runtime_seconds"],
        "ticks": {name: days for name, days in ticks.items() if name != "started"},
    } | {name: settings[name] for name in ("run_retries", "telemetry", "nux")}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_queue_monitoring_and_retries_are_those_that_the_tests_run_with(
    platform: str, deploy: Path, root: Path
) -> None:
    ours = yaml.safe_load((root / "dagster.yaml").read_text(encoding="utf-8"))
    assert said_of_runs(settings_of(deploy, platform)) == said_of_runs(ours)


@needs_drivers
@pytest.mark.parametrize("platform", PLATFORMS)
def test_dagster_takes_every_setting_of_the_instance(
    platform: str,
    deploy: Path,
    tmp_path: Path,
    postgres: EmbeddedPostgres,
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a real PostgreSQL, whose tables Dagster makes; without TLS, which that one does not speak."""
    settings = settings_of(deploy, platform)
    variables = variables_of(postgres.create_database(f"dagster_{platform}"), cloud.url)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    there = settings["storage"]["postgres"]["postgres_db"]
    assert there.pop("params", {}) == ({} if platform == "compose" else {"sslmode": "require"})
    there |= {"hostname": {"env": "DAGSTER_PG_HOST"}, "port": int(variables["PORT"])}
    there |= {"username": "postgres", "db_name": {"env": "DAGSTER_PG_DB"}}
    if platform == "compose":
        settings["compute_logs"]["config"]["base_dir"] = str(tmp_path / "logs")
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    register_run_task(cloud)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        names = {type(one).__name__ for one in (instance.run_launcher, instance.compute_log_manager)}
        assert (
            names
            == {
                "compose": {"DefaultRunLauncher", "LocalComputeLogManager"},
                "ecs": {"EcsRunLauncher", "S3ComputeLogManager"},
                "kubernetes": {"K8sRunLauncher", "S3ComputeLogManager"},
            }[platform]
        )
        assert instance.get_runs() == []


def variables_of(url: str, endpoint: str) -> dict[str, str]:
    """Of a container; and the port, which is another one on a machine of many servers."""
    parts = urlsplit(url)
    return {
        "DAGSTER_PG_HOST": str(parts.hostname),
        "DAGSTER_PG_USERNAME": str(parts.username),
        "DAGSTER_PG_PASSWORD": "unused",
        "DAGSTER_PG_DB": parts.path.lstrip("/"),
        "PORT": str(parts.port),
        "RDS_LAKE_LOGS_BUCKET": "acme-dagster-logs",
        "RDS_LAKE_RUN_TASK": "rds-lake-dagster-run",
        "RDS_LAKE_CODE_HOST": "127.0.0.1",
        "AWS_ENDPOINT_URL": endpoint,
    }


def register_run_task(cloud: LocalCloud) -> None:
    """What `deploy/ecs/stack.yaml` has as RunTask; the launcher asks for its containers."""
    boto3.client("ecs", endpoint_url=cloud.url).register_task_definition(
        family="rds-lake-dagster-run", containerDefinitions=[{"name": "run", "image": "rds-lake", "memory": 2048}]
    )


def test_the_chart_knows_every_value(deploy: Path) -> None:
    values = yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    assert unknown(values) == []
    assert unknown(values | {"dagsterDemon": {"enabled": True}}) == ["dagsterDemon.enabled"]


def test_every_value_is_of_a_type_that_json_has(deploy: Path) -> None:
    """YAML reads a bare 2026-11-29 as a date, which the chart's schema refuses: an image's tag is a text or a number."""
    values = yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize("platform", ["compose", "ecs"])
def test_the_workspace_is_the_code_server_alone(platform: str, deploy: Path) -> None:
    workspace = yaml.safe_load((deploy / platform / "workspace.yaml").read_text(encoding="utf-8"))
    (location,) = workspace["load_from"]
    expected = {"host": {"env": "RDS_LAKE_CODE_HOST"}, "port": 4000, "location_name": "rds_lake"}
    assert location["grpc_server"] == expected
