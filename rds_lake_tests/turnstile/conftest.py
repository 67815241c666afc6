"""One lab for all rounds of a file: to make its mornings takes longer than some dozen rounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World, seed_tiny
from rds_lake_tests.turnstile.lab import Lab
from rds_lake_tests.turnstile.pairs import Rounds


@pytest.fixture(scope="module")
def rounds(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[Rounds]:
    session_cloud.reset()
    seed_tiny(tiny_url)
    directory = tmp_path_factory.mktemp("turnstile")
    lab = Lab(World.provisioned(session_cloud, url=tiny_url, directory=directory, root=root))
    lab.prepare()
    yield Rounds.of(lab)
