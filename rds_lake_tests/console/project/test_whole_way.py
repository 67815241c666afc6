"""From an account that has never heard of rds-lake to the first view, by the commands that `rds-lake init` names at its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake_tests.support.world import World, seed_tiny

_LOAD = "from {package}.definitions import defs; print(len(defs().get_repository_def().assets_defs_by_key))"


def command(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, f"{arguments}: {done.output}"
    return done.output


def test_an_account_becomes_views_by_init_validate_and_setup(
    cloud: LocalCloud, tiny_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    seed_tiny(tiny_url)
    said = command(
        "init", "acme-lake", "--yes", "--source", "shop-prod", "--bucket", "acme-lake", "--start-date", "2026-11-01"
    )
    folder = tmp_path / "acme-lake"
    assert "rds-lake validate" in said and "rds-lake setup" in said
    monkeypatch.chdir(folder)
    assert "lake.yaml is valid: 1 source (1 of kind rds)" in command("validate")
    assert "is in CREATE_COMPLETE" in command("setup")
    world = World.of(cloud, url=tiny_url, config=load_config(folder / "lake.yaml"), is_set_up=True)
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    shown = command("query", "SELECT count(*) AS orders FROM shop_public_orders")
    assert "10" in shown


@pytest.mark.exhaustive
def test_dagster_loads_the_project_wherever_it_is_started(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    command("init", "acme-lake", "--yes", "--source", "shop-prod")
    assert (tmp_path / "acme-lake" / "acme_lake" / "definitions.py").is_file()
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RDS_LAKE"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LOAD.format(package="acme_lake")],
        cwd=tmp_path,
        env=variables | {"PYTHONPATH": str(tmp_path / "acme-lake")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3
