"""What the tests of `rds-lake pull` share: a lake, the command, and what is in a file that it made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World, execute, seed_tiny

DAY, LATER = "2026-11-20", "2026-11-21"
Pull = Callable[..., Result]


def pull_of(world: World) -> Pull:
    """`rds-lake pull shop --to …` on the world's lake; the process has to be the pipeline's."""
    path = world.config.directory / "lake.yaml"

    def run(to: Path | str, *options: str, source: str = "shop") -> Result:
        return CliRunner().invoke(main, ["pull", source, "--to", str(to), *options, "--config", str(path)])

    return run


def two_dates(cloud: LocalCloud, url: str, *, tables: str, directory: Path, root: Path) -> World:
    """A lake of the tiny database and these tables, at two dates; the later one, with four orders, is published."""
    cloud.reset()
    seed_tiny(url)
    execute(url, tables)
    world = World.provisioned(cloud, url=url, directory=directory, root=root)
    world.snapshot(DAY)
    world.publish(DAY)
    execute(url, "DELETE FROM orders WHERE id > 4")
    world.snapshot(LATER)
    world.publish(LATER)
    return world


def pull_as_pipeline(world: World, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Pull:
    """The command with the pipeline's rights, on lines of 200 characters; `changes` of the source as of `settings`."""
    world.provision()
    world.be_the_process(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    settings(world, **changes)
    return pull_of(world)


def settings(world: World, **changes: Any) -> None:
    """Change keys of the one source, in the lake.yaml that the command reads."""
    path = Path(world.config.directory / "lake.yaml")
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    body["sources"][0] |= changes
    path.write_text(yaml.safe_dump(body), encoding="utf-8")


def rows_in(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def said(result: Result) -> str:
    """What a command printed, in one line."""
    return " ".join(result.output.split())
