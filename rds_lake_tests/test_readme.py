"""README's commands, really run, in its order, in a folder as a fresh clone is."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.ports import free_port
from rds_lake.localcloud.environment import environment
from rds_lake_tests.demo.outlived import not_outliving
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import World, answers, execute, seed_tiny, until

# In its order: a command that is added to README is added here, with what it must say.
_SAYS = {
    "rds-lake validate": "lake.yaml is valid: 2 sources",
    "rds-lake setup": "stack rds-lake is up to date: nothing to change",
    "rds-lake policy": '"Sid": "FindInstanceSnapshots"',
    "rds-lake template --out stack.yaml": "--capabilities CAPABILITY_NAMED_IAM",
    "rds-lake notify --test": "was sent to the subscribers",
    "rds-lake refresh": "3 tables of 2026-11-20 written",
    "rds-lake status": "2026-11-19",
    "rds-lake report": "rds-lake-report.html",
    'rds-lake query "SELECT count(*) FROM orders" --source shop': "│ 10    │",
    'rds-lake query "SELECT count(*) FROM orders" --source shop --as-of 2026-11-20': "│ 4     │",
    "rds-lake diff shop.orders 2026-11-19 2026-11-20 --key id": "0 rows added, 6 removed, 0 changed, 4 the same (by id)",
    "rds-lake pull shop --to shop.duckdb": "pulled into shop.duckdb",
    "rds-lake dbt sources --out sources.yml": "sources.yml",
    "rds-lake ddl shop --for duckdb": 'CREATE OR REPLACE VIEW "shop"."orders"',
    "rds-lake publish shop": "2026-11-20",
    "rds-lake rollback shop 2026-11-19": "2026-11-19",
    "rds-lake prune": "",
}

# Not the pipeline's: it makes roles.
_DEPLOYERS = ("rds-lake setup",)


def commands(root: Path, beginning: str, ending: str) -> list[str]:
    """The lines of code between two headings, without the remarks behind them."""
    text = (root / "README.md").read_text(encoding="utf-8").split(beginning, 1)[1].split(ending, 1)[0]
    code = [line.strip() for line in text.splitlines() if re.match(r" {4,}(\S)", line)]
    listed = [line for line in code if re.match(r"(\.venv|make|mkdir|eval|DAGSTER_HOME)\b", line)]
    return [re.sub(r"\s+# .*", "", line) for line in listed]


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """What README's reader has after `make setup`: lake.yaml and its neighbours, and .venv."""
    for name in ("lake.yaml", "dagster.yaml", "workspace.yaml"):
        shutil.copy(root / name, tmp_path / name)
    shutil.copytree(root / "tables", tmp_path / "tables")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def shell(command: str, clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=clone,
        env=own | {"COLUMNS": "150"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_process(command: str, variables: dict[str, str]) -> Result:
    """A command of rds-lake without the second in which its process starts; that it starts, the first command shows."""
    return CliRunner(env={"COLUMNS": "150"} | variables).invoke(main, shlex.split(command)[1:])


def test_every_command_of_the_account_section_does_what_readme_says(
    root: Path, clone: Path, cloud: LocalCloud, tiny_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = clone / "lake.yaml"
    lake.write_text(lake.read_text(encoding="utf-8").replace("kind: rds\n", "kind: rds\n    publish: manual\n"))
    seed_tiny(tiny_url)
    made = shell(".venv/bin/rds-lake setup", clone, **environment(cloud.url))
    assert "stack rds-lake is in CREATE_COMPLETE" in made.stdout, made.stdout + made.stderr
    world = World.of(cloud, url=tiny_url, config=load_config(lake), is_set_up=True)
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    point_at = variables_of(cloud.url)
    monkeypatch.chdir(clone)
    assert in_process("rds-lake publish shop", point_at).exit_code == 0
    execute(tiny_url, "DELETE FROM orders WHERE id > 4")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    listed = commands(root, "## With your own AWS account", "\n## ")
    ours = [line.removeprefix(".venv/bin/") for line in listed if line.startswith(".venv/bin/rds-lake")]
    assert ours == list(_SAYS)
    for command, words in _SAYS.items():
        done = in_process(command, environment(cloud.url) if command in _DEPLOYERS else point_at)
        assert done.exit_code == 0, f"{command}: {done.output}{done.exception}"
        assert words in done.output, f"{command}: {done.output}"


@contextmanager
def running(command: str, clone: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A command of README that runs until Ctrl-C, and is stopped with all it started."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (
        subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=clone,
            env=own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
        not_outliving(process),
    ):
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.exhaustive
def test_dagster_starts_in_a_fresh_clone_as_step_three_says(root: Path, clone: Path, cloud: LocalCloud) -> None:
    listed = commands(root, "## With your own AWS account", "\n## ")
    (before, start) = [line for line in listed if ".dagster_home" in line]
    assert shell(before, clone).returncode == 0
    port = free_port()
    with running(f"env {start} -p {port}", clone, **environment(cloud.url)):
        until(lambda: answers(f"http://127.0.0.1:{port}/server_info"), what="Dagster's UI")


@pytest.mark.exhaustive
def test_the_local_cloud_is_started_for_somebodys_own_databases_as_readme_says(
    root: Path, clone: Path, tiny_url: str, mariadb: EmbeddedMariaDb
) -> None:
    instance, cluster, env = commands(root, "## The local cloud for your own tests", "\n## ")
    port = free_port()
    for command, source, url in (
        (instance, "shop-prod=postgresql://localhost/shop", f"shop-prod={tiny_url}"),
        (cluster, "shop-aurora=mysql://root@localhost/shop", f"shop-aurora={mariadb.create_database('readme')}"),
    ):
        assert source in command
        with running(f"{command.replace(source, chr(39) + url + chr(39))} --port {port}", clone) as process:
            assert process.stdout is not None
            assert f"local cloud ready at http://127.0.0.1:{port}" in process.stdout.readline()
    shown = shell(f"{env.replace('local env', f'local env --port {port}')} && echo $AWS_ENDPOINT_URL", clone)
    assert shown.stdout.strip() == f"http://127.0.0.1:{port}"
