"""A Dagster instance around the world."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from rds_lake_tests.defs.shell import QUIET, Shell
from rds_lake_tests.world import World


@pytest.fixture
def shell(world: World, tmp_path: Path) -> Iterator[Shell]:
    with dg.instance_for_test(overrides=QUIET, temp_dir=str(tmp_path)) as instance:
        yield Shell(world, instance)
