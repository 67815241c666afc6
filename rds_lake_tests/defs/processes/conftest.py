"""A crowd of sources, and Dagster's daemon and webserver for them: of one file each, so that none inherits what another left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.stages.lake.known_tables import save_known_tables
from rds_lake_tests.defs.processes.crowd import OTHERS
from rds_lake_tests.defs.processes.daemon import Dagster, running_dagster
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.support.crowd import write_crowd
from rds_lake_tests.support.world import World, seed_tiny


@pytest.fixture(scope="module")
def crowd(tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """A lake of the shop and three databases more, whose exports end at the Parquet."""
    seed_tiny(tiny_url)
    folder = tmp_path_factory.mktemp("crowd")
    config = write_crowd(root, folder, OTHERS, shop=True)
    save_known_tables(config, config.sources[0], TABLES)
    settings = ExportSettings(starting_seconds=0.5, progress_seconds=0.5)
    with LocalCloud(dict.fromkeys(("shop-prod", *OTHERS), tiny_url), exports=settings) as cloud:
        yield World.of(cloud, url=tiny_url, config=config)


@pytest.fixture(scope="module")
def dagster(crowd: World, root: Path) -> Iterator[Dagster]:
    config = crowd.config.directory / "lake.yaml"
    work = crowd.config.directory
    with running_dagster(endpoint=crowd.cloud.url, config=config, work=work, root=root) as running:
        yield running
