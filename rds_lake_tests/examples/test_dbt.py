"""The example of dbt: its models are made of the lake's views, in one graph with them."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.defs.keys import StageKeys
from rds_lake.localcloud.environment import environment
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.support.world import World

pytestmark = [
    # Not `importorskip`: to import it takes longer than to collect all tests of a folder, and every worker does.
    pytest.mark.skipif(find_spec("dagster_dbt") is None, reason="dbt is not installed: pip install 'rds-lake[dbt]'"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # dbt's own
]
ORDERS = dg.AssetKey(["shop", "orders"])
MODELS = {dg.AssetKey(name) for name in ("orders_by_day", "orders_with_lines", "largest_day")}


class Example:
    """A copy of the example, loaded; dbt writes into its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module: Any = importlib.import_module("shop_models.definitions")
        self.config: LakeConfig = load_config(folder / "lake.yaml")

    def sources(self, *options: str) -> str:
        out = ["--out", str(self.folder / "models" / "sources.yml"), "--config", str(self.folder / "lake.yaml")]
        made = CliRunner().invoke(main, ["dbt", "sources", *out, *options])
        assert made.exit_code == 0, made.output
        return made.output

    def freshness(self) -> dict[str, str]:
        """What `dbt source freshness` takes for the time of each table's rows."""
        dbt = Path(sys.executable).parent / "dbt"
        where = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        subprocess.run([dbt, "source", "freshness", *where], capture_output=True, text=True, check=False)
        results = json.loads((self.folder / "target" / "sources.json").read_text())["results"]
        return {one["unique_id"].split(".")[-1]: one["max_loaded_at"] for one in results}

    def definitions(self, aws: Any) -> dg.Definitions:
        from dagster_dbt import DbtProject

        project = DbtProject(project_dir=self.folder, profiles_dir=self.folder)
        project.preparer.prepare(project)
        return self.module.project(self.config, aws, project)


@pytest.fixture
def example(root: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    """The example against the local cloud, as one who may write tables of his own, which the pipeline may not."""
    folder = tmp_path / "dbt"
    shutil.copytree(root / "examples" / "dbt", folder, ignore=shutil.ignore_patterns("target", "logs", ".*"))
    monkeypatch.syspath_prepend(str(folder))
    variables = environment(world.cloud.url) | {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # dbt itself
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    yield Example(folder)


def test_the_sources_that_the_example_ships_are_those_of_its_lake(example: Example) -> None:
    assert "up to date" in example.sources("--offline", "--check")


@pytest.mark.exhaustive
def test_models_are_made_of_what_was_published_and_follow_the_lakes_views_in_one_graph(
    example: Example, world: World
) -> None:
    world.config = example.config
    world.provision()
    world.snapshot("2026-11-20", event=False)
    definitions = example.definitions(world.aws)
    known = find_known_tables(example.config, example.config.sources[0])
    keys = StageKeys.of(example.config.sources[0], known)
    graph = definitions.resolve_asset_graph()
    assert ORDERS in keys.published and graph.get(dg.AssetKey("orders_by_day")).parent_keys == {ORDERS}
    details = dg.AssetKey(["shop", "order_details"])
    assert graph.get(dg.AssetKey("orders_with_lines")).parent_keys == {ORDERS, details}
    job = definitions.resolve_implicit_global_asset_job_def()
    selected = dg.AssetSelection.all()
    with quick_instance() as instance:
        cursor = dg.evaluate_automation_conditions(definitions, instance, selected).cursor
        shop = list(keys.whole)
        assert job.execute_in_process(instance=instance, partition_key="2026-11-20", asset_selection=shop).success
        wanted = dg.evaluate_automation_conditions(definitions, instance, selected, cursor=cursor)
        requested = {key for key in MODELS if wanted.get_num_requested(key)}
        assert requested == MODELS
        example.sources()  # now with columns, of the lake itself
        made = job.execute_in_process(instance=instance, asset_selection=sorted(MODELS))
        assert made.success
        checks = {check.check_name: check.passed for check in made.get_asset_check_evaluations()}
        assert len(checks) == 2 and all(checks.values())
    stored = world.root.glue.list_tables("shop_models")
    assert {name: table.is_view for name, table in stored.items()} == {
        "orders_by_day": False,
        "orders_with_lines": True,
        "largest_day": True,
    }
    rows = world.root.athena.run("SELECT day, orders, total FROM orders_by_day ORDER BY 1", database="shop_models").rows
    assert sum(int(str(row[1])) for row in rows) == 10
    joined = world.root.athena.run("SELECT line FROM orders_with_lines ORDER BY id LIMIT 1", database="shop_models")
    assert list(joined.rows) == [("line 1",)]
    assert set(example.freshness().values()) == {"2026-11-20T03:00:00+00:00"}
