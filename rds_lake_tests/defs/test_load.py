"""Loading a code location: it is light, and one source whose tables cannot be loaded never stops the others.

Every run, tick and page of Dagster loads it first, and most of them need no data library.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.definitions import known_tables
from rds_lake.defs.build import build_definitions
from rds_lake.stages.lake.known_tables import save_known_tables, state_path
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.support.crowd import write_crowd


@pytest.fixture
def config(root: Path, tmp_path: Path) -> LakeConfig:
    """The shop and two databases more; the tables of `db_1` are known."""
    config = write_crowd(root, tmp_path, ("db-0", "db-1"), shop=True)
    for source in config.sources[1:]:
        save_known_tables(config, source, TABLES)
    return config


TWINS = [{"database": "shop", "schema": "public", "table": name} for name in ("a b", "a_b")]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"tables": [{"table": 7}]}', '{"tables": 3}', json.dumps({"tables": TWINS}), "[" * 100_000],
    ids=["cut", "list", "keys", "number", "twins", "deep"],
)
def test_a_source_whose_tables_cannot_be_read_is_named_and_every_source_loads(config: LakeConfig, text: str) -> None:
    state_path(config, config.sources[1]).write_text(text, encoding="utf-8")
    lines: list[str] = []
    known = known_tables(config, report=lines.append)
    assert "db_1" in known
    assert "db_0" not in known
    (line,) = lines
    assert "source db_0" in line
    keys = build_definitions(config, known_tables=known).resolve_all_asset_keys()
    assert {key.path[0] for key in keys} == {"shop", "db_0", "db_1"}


# One of each kind, and every setting that decides which assets, sensors and schedules there are.
VARIED = """
lake:
  {bucket: acme-lake, start_date: 2026-01-01, export_role: "arn:aws:iam::123456789012:role/export", kms_key: alias/lake,
   glue_role: "arn:aws:iam::123456789012:role/convert", events_queue: events, workgroup: lake,
   notifications: "arn:aws:sns:us-east-1:123456789012:alerts"}
sources:
  - {name: shop, kind: rds, identifier: shop, start_date: 2026-03-01, publish: manual, retention: {daily: 7},
     verify: {secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop"},
     streams: {tables: [shop.public.orders], secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop"}}
  - {name: ledger, kind: aurora, identifier: ledger, snapshots: [live, backup], live_schedule: "0 4 * * *", parquet: in_place}
  - {name: blog, kind: rds, identifier: blog, engine: mysql, include: [blog.posts], replace: true, athena: false}
  - {name: calls, kind: rds, identifier: calls, engine: mysql, streams: {tables: [calls.log], capture: lambda,
     function: "arn:aws:lambda:us-east-1:123456789012:function:changes"}}
  - {name: reviews, kind: dynamodb, tables: [Reviews], incremental: true, start_date: 2026-05-01, export_at: "03:00"}
  - {name: carts, kind: dynamodb, tables: [Carts], converter: glue, publish: manual, retention: {daily: 7}}
  - {name: visits, kind: dynamodb, tables: [Visits], method: scan, athena: false}
"""


def test_a_lake_of_every_kind_and_setting_loads_with_all_its_jobs_sensors_and_schedules(tmp_path: Path) -> None:
    config = parse_config(VARIED, where="lake.yaml", directory=tmp_path)
    known = {source.name: TABLES for source in config.databases}
    repository = build_definitions(config, known_tables=known).get_repository_def()
    repository.load_all_definitions()
    assert {job.name for job in repository.get_all_jobs()} >= {"__ASSET_JOB"}
    assert len(repository.sensor_defs) >= 4
    assert len(repository.schedule_defs) >= 2


HEAVY = (
    "pyarrow",
    "uvloop",
    "httptools",
    "duckdb",
    "moto",
    "psycopg",
    "pymysql",
    "pyspark",
    "numpy",
    "pandas",
    "sqlglot",
)

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
