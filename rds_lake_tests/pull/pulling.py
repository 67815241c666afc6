"""What the tests of `rds-lake pull` share: the command, and what is in a file that it made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake_tests.support.world import World

DAY = "2026-11-20"
Pull = Callable[..., Result]


def pull_of(world: World) -> Pull:
    """`rds-lake pull shop --to …` on the world's lake; the process has to be the pipeline's."""
    path = world.config.directory / "lake.yaml"

    def run(to: Path | str, *options: str, source: str = "shop") -> Result:
        return CliRunner().invoke(main, ["pull", source, "--to", str(to), *options, "--config", str(path)])

    return run


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
