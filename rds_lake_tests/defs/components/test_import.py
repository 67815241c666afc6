"""Every `dg` command of every project where rds-lake is installed imports its components: quickly, and never with an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

_SECONDS = 0.3  # over Dagster's own import, which every such command has paid for
_HEAVY = {"pyarrow", "boto3", "botocore", "sqlglot", "dagster_aws", "psycopg", "pymysql", "uvloop", "duckdb", "moto"}

_MEASURE = """
import json, sys, time
import dagster
from dagster.components import Component
before, begun = set(sys.modules), time.process_time()
import rds_lake
found = [name for name in dir(rds_lake) if hasattr(getattr(rds_lake, name), "__dg_package_entry__")]
seconds = time.process_time() - begun
print(json.dumps([found, seconds, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]))
"""

_BROKEN = """
import logging, sys
sys.modules["rds_lake.config.lake_yaml"] = None  # as if a package that it needs were missing
logging.disable(logging.CRITICAL)
import rds_lake
assert "LakeComponent" not in dir(rds_lake)
assert not [name for name in dir(rds_lake) if hasattr(getattr(rds_lake, name), "__dg_package_entry__")]
"""

_WITHOUT = """
import sys
import rds_lake, rds_lake.errors
assert "dagster" not in sys.modules and "pydantic" not in sys.modules
"""


def run(root: Path, code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PYTHONWARNINGS": "error"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.exhaustive
def test_the_components_are_found_in_a_third_of_a_second_without_what_only_runs_need(root: Path) -> None:
    best, names = 9.0, set()
    for _ in range(3):
        found, seconds, imported = json.loads(run(root, _MEASURE).splitlines()[-1])
        assert found == ["LakeComponent", "SourceComponent"]
        best, names = min(best, seconds), set(imported)
    assert not names & _HEAVY
    assert best <= _SECONDS


@pytest.mark.parametrize("code", [_BROKEN, _WITHOUT], ids=["a broken installation", "without Dagster"])
def test_importing_the_package_fails_nobody_and_costs_nobody(root: Path, code: str) -> None:
    run(root, code)


def test_dg_finds_the_package_by_its_entry_point(root: Path) -> None:
    settings = ConfigParser()
    settings.read(root / "setup.cfg")
    lines = settings["options.entry_points"]["dagster_dg_cli.registry_modules"].split()
    assert lines == ["rds_lake", "=", "rds_lake"]
