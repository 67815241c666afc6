"""The commands and queries of the guides, really run on a lake with a published date and one that waits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake_tests.docs.snippets import commands, of_page, shell_lines
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import World, execute, seed_tiny

# In the order in which a reader of the menu meets them.
_PAGES = ("backfills", "schema-changes", "publishing", "restore", "cost")
_LAKE = """
lake:
  bucket: acme-lake
  export_role: arn:aws:iam::123456789012:role/rds-lake-export
  kms_key: alias/rds-lake
  events_queue: rds-lake-events
  notifications: arn:aws:sns:us-east-1:123456789012:rds-lake-alerts
  workgroup: rds-lake
  start_date: 2026-01-01
sources:
  - {name: shop, kind: rds, identifier: shop-prod, default_schema: shop.public, publish: manual, freshness_hours: 0}
"""
# Not the pipeline's: whoever looks at an account, or at everything that a lake needs.
_PERSONS = {"init", "doctor"}
# The doctor warns: nobody has subscribed to the topic, and there is no instance of Dagster.
_CODES = {"doctor": 1}


@pytest.fixture
def world(cloud: LocalCloud, tiny_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A lake whose first date is published, and whose second one, with fewer rows, is held."""
    monkeypatch.chdir(tmp_path)
    Path("lake.yaml").write_text(_LAKE, encoding="utf-8")
    seed_tiny(tiny_url)
    made = World.of(cloud, url=tiny_url, config=load_config(Path("lake.yaml").resolve()))
    made.snapshot("2026-11-19")
    made.publish("2026-11-19")
    made.be_the_process(monkeypatch)
    assert CliRunner().invoke(main, ["publish", "shop"]).exit_code == 0
    execute(tiny_url, "DELETE FROM orders WHERE id > 4")
    made.snapshot("2026-11-20")
    made.publish("2026-11-20")
    return made


@pytest.mark.exhaustive
def test_every_command_and_query_of_the_guides_and_of_operations_does_what_it_says(
    root: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for page in (*(f"docs/guides/{name}.md" for name in _PAGES), "docs/operations.md", "docs/security.md"):
        for block in of_page(root, page):
            for words in commands(block.text):
                with monkeypatch.context() as shell:
                    for name, value in environment(world.cloud.url).items() if words[0] in _PERSONS else ():
                        shell.setenv(name, value)
                    done = CliRunner().invoke(main, words)
                assert done.exit_code == _CODES.get(words[0], 0), f"{page}: {words}: {done.output}"
    shutil.rmtree("estimate")


def test_every_query_of_the_guides_is_answered_and_what_they_say_of_two_dates_is_so(root: Path, world: World) -> None:
    for name in _PAGES:
        for block in of_page(root, f"docs/guides/{name}.md", "sql"):
            assert world.query(block.text), block.text
    (_, compared) = of_page(root, "docs/guides/restore.md", "sql")
    assert [row[0] for row in world.query(compared.text)] == ["5", "6", "7", "8", "9", "10"]
    restored = [
        words for block in of_page(root, "docs/guides/restore.md") for words in commands(block.text) if "csv" in words
    ]
    assert len(CliRunner().invoke(main, restored[0]).stdout.splitlines()) == 7, "a heading, and the six that are gone"


@pytest.mark.exhaustive
def test_a_date_is_made_by_dagsters_command_as_the_guide_of_backfills_says(root: Path, world: World) -> None:
    """The line names the package of a project that `init` wrote; here it is the plain lake."""
    lines = shell_lines([block.text for block in of_page(root, "docs/guides/backfills.md")])
    (line,) = [line for line in lines if "materialize" in line]
    world.snapshot("2026-11-21")
    ours = line.replace("my_lake.definitions", "rds_lake.definitions").replace("2026-11-20", "2026-11-21")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", ours],
        env={**os.environ, **variables_of(world.cloud.url), "PATH": path, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=450,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert ("2026-11-21",) in world.query("SELECT snapshot_date FROM _snapshots")
