"""Conversions, scans and changes of DynamoDB that meet each other and removals: no row is lost, and nothing is paid for twice.

Of each pair a few seeds; `python -m bench.interleave` plays hundreds.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World
from rds_lake_tests.turnstile.dynamo_lab import DynamoLab
from rds_lake_tests.turnstile.dynamo_pairs import DYNAMO_PAIRS
from rds_lake_tests.turnstile.pairs import Rounds

pytestmark = pytest.mark.slow

# A round's order of calls follows from its seed. 4049: the date was given up between two tables, and its manifest written
# afterwards.
SEEDS = {
    "convert-convert": (1000,),
    "convert-other": (1000,),
    "reconvert-reconvert": (1000,),
    "convert-rollback": (1001,),
    "convert-prune": (1000,),
    "convert-retention": (1000,),
    "reconvert-prune": (4049, 1000),
    "reconvert-retention": (1000,),
    "take-take": (1000,),
    "scan-scan": (1000,),
    "scan-prune": (1000,),
    "increment-increment": (1000,),
    "increment-reconvert": (1000,),
    "increment-prune": (1000,),
    "increment-retention": (1000,),
}


@pytest.fixture(scope="module")
def dynamo_rounds(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[Rounds]:
    session_cloud.reset()
    directory = tmp_path_factory.mktemp("dynamo")
    lab = DynamoLab.of(World.provisioned(session_cloud, url=tiny_url, directory=directory, root=root))
    lab.prepare()
    yield Rounds.of(lab)


@pytest.mark.parametrize("name", SEEDS)
def test_whoever_meets_whom_every_date_of_dynamodb_is_whole_or_gone(dynamo_rounds: Rounds, name: str) -> None:
    for seed in SEEDS[name]:
        outcome = dynamo_rounds.play(DYNAMO_PAIRS[name], seed)
        assert not outcome.problems, outcome


def test_every_pair_of_dynamodb_is_played() -> None:
    assert set(DYNAMO_PAIRS) == set(SEEDS)
