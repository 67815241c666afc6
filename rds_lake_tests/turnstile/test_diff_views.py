"""Publications and removals that meet: views of `diff_views:` end at the published date and the one before it.

`make test` plays one seed of each pair, `make test-exhaustive` twenty, `python -m bench.interleave` hundreds.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World, seed_tiny
from rds_lake_tests.turnstile.diff_lab import DIFF_PAIRS, DiffLab
from rds_lake_tests.turnstile.pairs import SEEDS, Rounds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def diff_rounds(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[Rounds]:
    session_cloud.reset()
    seed_tiny(tiny_url)
    directory = tmp_path_factory.mktemp("compared")
    lab = DiffLab(World.provisioned(session_cloud, url=tiny_url, directory=directory, root=root))
    lab.prepare()
    yield Rounds.of(lab)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", DIFF_PAIRS)
def test_whoever_meets_whom_the_views_of_differences_end_at_the_published_date_and_the_one_before(
    diff_rounds: Rounds, name: str, seed: int
) -> None:
    outcome = diff_rounds.play(DIFF_PAIRS[name], seed)
    assert not outcome.problems, outcome
