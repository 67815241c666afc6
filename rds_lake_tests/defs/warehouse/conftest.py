from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.defs.warehouse.mart import Mart
from rds_lake_tests.support.world import World


@pytest.fixture
def mart(world: World, tmp_path: Path) -> Iterator[Mart]:
    """A warehouse that loads one file."""
    with quick_instance() as instance:
        yield Mart.made(world, instance, tmp_path)
