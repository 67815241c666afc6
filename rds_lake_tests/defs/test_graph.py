"""The asset graph: small enough to read, valid with warnings as errors, built without AWS."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.database import Rds
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.config.shared import Retention
from rds_lake.defs.build import build_definitions
from rds_lake.defs.keys import OWN_NAMES, own_key, table_key
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.known_tables import find_known_tables, save_known_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def config(root: Path) -> LakeConfig:
    return load_config(root / "lake.yaml")


def targets(count: int) -> tuple[TableTarget, ...]:
    return tuple(TableTarget(database="shop", schema="public", table=f"t{n}") for n in range(count))


def graph(definitions: dg.Definitions) -> list[str]:
    """One line per asset: key, what it depends on, group, kinds, partitions."""
    lines = []
    for spec in definitions.resolve_all_asset_specs():
        deps = ",".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps)) or "-"
        partitions = spec.partitions_def
        daily = isinstance(partitions, dg.DailyPartitionsDefinition) and partitions.end_offset == 1
        lines.append(
            f"{spec.key.to_user_string()} <- {deps} [{spec.group_name}; {'+'.join(sorted(spec.kinds))}; {daily}]"
        )
    return sorted(lines)


def test_the_demos_graph_is_the_documented_one(config: LakeConfig) -> None:
    known = {source.name: find_known_tables(config, source) or () for source in config.sources}
    tables = [
        "customers",
        "events",
        "order_details",
        "orders",
        "products",
        "refunds",
        "sales_invoices",
        "sales_regions",
        "sales_targets",
    ]
    assert graph(build_definitions(config, known_tables=known)) == sorted(
        [
            "shop/snapshot_export <- - [shop; postgres+s3; True]",
            "shop/parquet <- shop/snapshot_export [shop; parquet+s3; True]",
            "shop/catalog <- shop/parquet [shop; aws+table; True]",
            *[f"shop/{table} <- shop/catalog [shop; athena+view; True]" for table in tables],
            "reviews/snapshot_export <- - [reviews; dynamodb+s3; True]",
            "reviews/parquet <- reviews/snapshot_export [reviews; parquet+s3; True]",
            "reviews/catalog <- reviews/parquet [reviews; aws+table; True]",
            "reviews/reviews <- reviews/catalog [reviews; athena+view; True]",
            "reviews/users <- reviews/catalog [reviews; athena+view; True]",
        ]
    )


NAMES = sorted(OWN_NAMES)


def test_tables_may_have_the_names_of_our_own_assets(config: LakeConfig) -> None:
    settings = {"publish": "manual", "retention": Retention()}
    config = config.model_copy(update={"sources": (config.sources[0].model_copy(update=settings),)})
    ordinary = ["orders", "table", "table__catalog", "catalog_table", "tables__catalog"]
    tables = [TableTarget(database="shop", schema="public", table=name) for name in [*ordinary, *NAMES]]
    definitions = build_definitions(config, known_tables={"shop": tables})
    definitions.resolve_implicit_global_asset_job_def()
    keys = [spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()]
    assert len(keys) == len(set(keys))
    assert {f"shop/{name}" for name in ordinary} <= set(keys), "keys of ordinary tables stay as they are"
    assert {f"shop/Table/{name}" for name in NAMES} <= set(keys)


@given(st.sets(st.one_of(st.sampled_from(NAMES), st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True))))
def test_no_two_tables_or_stages_share_a_key_or_what_dagster_makes_of_it(views: set[str]) -> None:
    source = Rds(name="shop", kind="rds", identifier="shop-prod")
    keys = [own_key(source, name) for name in NAMES] + [table_key(source, view) for view in views]
    assert len(set(keys)) == len(keys)
    assert len({key.to_python_identifier() for key in keys}) == len(keys)


def test_an_asset_of_ours_whose_name_a_table_could_take_is_not_made() -> None:
    source = Rds(name="shop", kind="rds", identifier="shop-prod")
    with pytest.raises(ValueError, match="OWN_NAMES"):
        own_key(source, "orders")


def test_a_source_whose_tables_are_not_known_yet_has_one_views_asset(config: LakeConfig) -> None:
    assert any(line.startswith("shop/views <- shop/catalog") for line in graph(build_definitions(config)))


def test_a_source_with_very_many_tables_has_one_views_asset(config: LakeConfig) -> None:
    config = config.model_copy(update={"sources": config.sources[:1]})
    lines = graph(build_definitions(config, known_tables={"shop": targets(201)}))
    assert len(lines) == 4
    assert len(graph(build_definitions(config, known_tables={"shop": targets(200)}))) == 203


def test_a_source_without_athena_ends_at_its_parquet(config: LakeConfig) -> None:
    source = config.sources[0].model_copy(update={"athena": False})
    lines = graph(build_definitions(config.model_copy(update={"sources": (source,)})))
    assert [line.split(" ")[0] for line in lines] == ["shop/parquet", "shop/snapshot_export"]


def test_the_tables_of_a_source_are_remembered_in_a_file_that_makes_no_noise(
    config: LakeConfig, tmp_path: Path
) -> None:
    config = config.model_copy(update={"directory": tmp_path})
    source = config.sources[0]
    assert find_known_tables(config, source) is None
    path = save_known_tables(config, source, list(reversed(targets(3))))
    written = path.read_bytes()
    assert find_known_tables(config, source) == targets(3)
    save_known_tables(config, source, targets(3))
    assert path.read_bytes() == written


def test_a_source_that_includes_tables_outright_needs_no_file(config: LakeConfig) -> None:
    source = config.sources[0].model_copy(update={"include": ("shop.public.b", "shop.public.a")})
    assert [t.table for t in find_known_tables(config, source) or ()] == ["a", "b"]


@pytest.mark.exhaustive
def test_definitions_load_without_network_and_are_valid_with_warnings_as_errors(root: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RDS_LAKE"))}
    (checked,) = re.findall(r"\$\(BIN\)/python (-W error .*)", (root / "Makefile").read_text(encoding="utf-8"))
    counted = [
        "-W",
        "error",
        "-c",
        "from rds_lake.definitions import defs; print(len(defs().resolve_all_asset_keys()))",
    ]
    printed = [
        subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for arguments in (shlex.split(checked), counted)
    ]
    assert printed == ["", "17\n"]


@pytest.mark.exhaustive
def test_dagsters_own_validation_of_the_workspace_passes(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    environment = os.environ | {"DAGSTER_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_the_shipped_instance_begins_queued_runs_within_a_second(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "dagster.yaml", tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_coordinator.dequeue_interval_seconds <= 1  # type: ignore[attr-defined]
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 10, "the limits beside it still count"
        assert {"key": "dagster/backfill", "limit": 5} in queue.tag_concurrency_limits


def test_importing_the_package_imports_no_heavy_library() -> None:
    code = "import sys, rds_lake.cli; print([m for m in ('dagster', 'boto3', 'pyarrow', 'moto', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
