"""Conversions, scans and changes of DynamoDB that meet each other and removals: no row is lost, and nothing is paid for twice.

`make test-exhaustive` plays twenty seeds of each pair, `python -m bench.interleave` hundreds.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World
from rds_lake_tests.turnstile.dynamo_lab import DynamoLab
from rds_lake_tests.turnstile.dynamo_pairs import DYNAMO_PAIRS
from rds_lake_tests.turnstile.pairs import SEEDS, Rounds, exhaustive

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

RARE = (
    "convert-approve",
    "convert-refresh",
    "scan-rollback",
    "scan-approve",
    "scan-retention",
    "scan-refresh",
    "increment-rollback",
    "increment-approve",
    "increment-refresh",
)
NAMES = tuple(name for name in DYNAMO_PAIRS if name not in RARE)


@pytest.fixture(scope="module")
def dynamo_rounds(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[Rounds]:
    session_cloud.reset()
    directory = tmp_path_factory.mktemp("dynamo")
    lab = DynamoLab.of(World.provisioned(session_cloud, url=tiny_url, directory=directory, root=root))
    lab.prepare()
    yield Rounds.of(lab)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", (*NAMES, *exhaustive(RARE)))
def test_whoever_meets_whom_every_date_of_dynamodb_is_whole_or_gone(
    dynamo_rounds: Rounds, name: str, seed: int
) -> None:
    outcome = dynamo_rounds.play(DYNAMO_PAIRS[name], seed)
    assert not outcome.problems, outcome


def test_a_date_that_was_given_up_between_two_tables_gets_no_manifest_afterwards(dynamo_rounds: Rounds) -> None:
    outcome = dynamo_rounds.play(DYNAMO_PAIRS["reconvert-prune"], 4049)
    assert not outcome.problems, outcome
