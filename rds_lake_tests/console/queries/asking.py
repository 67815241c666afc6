"""`rds-lake query`, asked on a lake of two dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake_tests.support.world import World, execute

Asked = Callable[..., Result]


@contextmanager
def asking(world: World) -> Iterator[Asked]:
    """The command, on a lake with ten orders on the 19th and four on the 20th."""
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, "DELETE FROM orders WHERE id > 4")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")

    def ask(sql: str, *options: str) -> Result:
        config = str(world.config.directory / "lake.yaml")
        return CliRunner().invoke(main, ["query", sql, "--config", config, *options])

    with pytest.MonkeyPatch.context() as process:
        world.be_the_process(process)
        process.setenv("COLUMNS", "160")
        yield ask
