"""A code location loads light: every run, tick and page of Dagster loads it first, and most of them need no data library."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HEAVY = ("pyarrow", "uvloop", "httptools", "duckdb", "moto", "psycopg", "pymysql", "pyspark", "numpy", "pandas")

_LOAD = """
import json, sys
from rds_lake.definitions import defs
repository = defs().get_repository_def()
print(json.dumps([len(repository.assets_defs_by_key), sorted(name for name in sys.modules if "." not in name)]))
"""


@cache
def loaded(root: Path) -> frozenset[str]:
    """The packages that are imported once the definitions of the demo's lake.yaml are built."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RDS_LAKE", "COVERAGE"))}
    command = [sys.executable, "-c", _LOAD]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assets, names = json.loads(done.stdout.splitlines()[-1])
    assert assets == 17
    assert "dagster" in names
    return frozenset(names)


@pytest.mark.parametrize("name", HEAVY)
def test_definitions_load_without_what_only_runs_need(root: Path, name: str) -> None:
    assert name not in loaded(root)
