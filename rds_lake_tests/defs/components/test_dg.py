"""The commands of `dg`, really run in a project: what its user sees of rds-lake's components.

`dg` brings twenty packages that nothing else here needs, so it is not among rds-lake's own: `.ci/dagster` runs these tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from textwrap import dedent

import pytest

from rds_lake.console.project.files import project_files, write_files
from rds_lake_tests.defs.components.project import LAKE, SHOP, write_project
from rds_lake_tests.support.world import World

pytest.importorskip("dagster_dg_cli", reason="dg is installed by .ci/dagster")
pytestmark = pytest.mark.slow

Dg = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def dg(root: Path, tmp_path: Path) -> Dg:
    """Runs `dg` in the project's folder; rds-lake is installed as its wheel is, with its entry points."""
    installed = tmp_path / "installed" / "rds_lake-0.dist-info"
    installed.mkdir(parents=True)
    installed.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: rds-lake\nVersion: 0\n", encoding="utf-8")
    settings = ConfigParser()
    settings.read(root / "setup.cfg")
    group = "dagster_dg_cli.registry_modules"
    module = settings["options.entry_points"][group].strip()
    installed.joinpath("entry_points.txt").write_text(f"[{group}]\n{module}\n", encoding="utf-8")
    home = tmp_path / "dagster_home"
    home.mkdir()
    home.joinpath("dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join(map(str, (installed.parent, tmp_path / "src", root, *filter(None, sys.path))))
        settings = {"PYTHONPATH": paths, "DAGSTER_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"}
        command = [sys.executable, "-c", "from dagster_dg_cli.cli import main; main()", *arguments]
        environment = {**os.environ, **settings, "DG_CLI_DISABLE_TELEMETRY": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)

    return run


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_a_project_is_scaffolded_checked_and_listed(dg: Dg, tmp_path: Path) -> None:
    write_project(tmp_path, {})
    assert "Creating defs" in said(dg("scaffold", "defs", "rds_lake.LakeComponent", "lake", "--bucket", "their-lake"))
    dg("scaffold", "defs", "rds_lake.SourceComponent", "shop", "--kind", "rds", "--identifier", "shop-prod")
    dg("scaffold", "defs", "rds_lake.SourceComponent", "reviews", "--kind", "dynamodb", "--table", "Reviews")
    checked = dg("check", "yaml")
    assert checked.returncode == 0, said(checked)
    checked = dg("check", "defs")
    assert checked.returncode == 0, said(checked)
    listed = json.loads(dg("list", "defs", "--json").stdout)
    keys = {asset["asset_key"] for asset in listed["assets"]}
    assert {"shop/snapshot_export", "shop/views", "reviews/parquet", "reviews/reviews"} <= keys
    assert "rds_lake_events" in {sensor["name"] for sensor in listed["sensors"]}


def test_the_project_that_init_writes_is_one_of_dg(dg: Dg, tmp_path: Path) -> None:
    lake = dedent(LAKE.partition("attributes:\n")[2])
    sources = "sources:\n  - {name: shop, kind: rds, identifier: shop-prod}\n"
    write_files(tmp_path, project_files(lake + sources, "acme_lake"))
    checked = dg("check", "defs")
    assert checked.returncode == 0, said(checked)
    listed = json.loads(dg("list", "defs", "--json").stdout)
    assert {"shop/snapshot_export", "shop/views"} <= {asset["asset_key"] for asset in listed["assets"]}


def test_what_is_wrong_is_said_with_the_line_it_is_in(dg: Dg, tmp_path: Path) -> None:
    wrong = (
        LAKE.replace("workgroup:", "work_group:")
        + "  sources:\n    - name: shop\n      kind: rds\n      identifier: 7\n"
    )
    write_project(tmp_path, {"lake/defs.yaml": wrong, "blog/defs.yaml": SHOP + "  retention:\n    daily: 0\n"})
    text = said(dg("check", "yaml"))
    assert "lake/defs.yaml:6 - rds_lake.LakeComponent attributes.lake.work_group" in text
    line = wrong.splitlines().index("      identifier: 7") + 1
    assert f"lake/defs.yaml:{line} - rds_lake.LakeComponent attributes.sources.0.identifier" in text
    assert "blog/defs.yaml:7 - rds_lake.SourceComponent attributes.retention.daily" in text


def test_what_only_the_rules_know_is_said_when_definitions_are_checked(dg: Dg, tmp_path: Path) -> None:
    twice = SHOP.replace("name: shop", "name: blog")
    write_project(tmp_path, {"lake/defs.yaml": LAKE, "a/defs.yaml": SHOP, "b/defs.yaml": twice})
    checked = dg("check", "defs")
    assert checked.returncode != 0
    assert "b/defs.yaml:3: source 'blog': reads instance 'shop-prod', as source 'shop' does" in said(checked)


def test_the_components_are_listed_with_what_they_are_for(dg: Dg, tmp_path: Path) -> None:
    write_project(tmp_path, {"lake/defs.yaml": LAKE})
    text = dg("list", "components").stdout
    assert "rds_lake.LakeComponent" in text
    assert "rds_lake.SourceComponent" in text


def test_the_state_brings_an_asset_for_each_table_of_the_newest_date(
    dg: Dg, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-20", event=False)
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    write_project(tmp_path, {"lake/defs.yaml": LAKE, "shop/defs.yaml": SHOP + "  default_schema: shop.public\n"})
    before = json.loads(dg("list", "defs", "--json").stdout)
    assert "shop/views" in {asset["asset_key"] for asset in before["assets"]}
    refreshed = dg("utils", "refresh-defs-state")
    assert refreshed.returncode == 0, said(refreshed)
    after = json.loads(dg("list", "defs", "--json").stdout)
    assert {"shop/orders", "shop/order_details"} <= {asset["asset_key"] for asset in after["assets"]}
