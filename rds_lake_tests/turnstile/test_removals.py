"""Removals that meet runs and publications: nobody removes what another is about to show, whatever the order of calls.

`make test` plays one seed of each pair, `make test-exhaustive` twenty, `python -m bench.interleave` hundreds.
"""

from itertools import combinations_with_replacement

import pytest

from rds_lake_tests.turnstile import test_publications
from rds_lake_tests.turnstile.dynamo_pairs import DYNAMO_PAIRS
from rds_lake_tests.turnstile.pairs import PAIRS, SEEDS, Rounds, exhaustive

pytestmark = pytest.mark.slow

NAMES = (
    "rollback-prune",
    "rollback-retention",
    "approve-prune",
    "run-prune",
    "other-prune",
    "replace-prune",
    "replace-retention",
    "prune-prune",
    "prune-retention",
    "refresh-run",
    "refresh-prune",
)
RARE = (
    "run-retention",
    "other-retention",
    "approve-retention",
    "retention-retention",
    "refresh-retention",
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", (*NAMES, *exhaustive(RARE)))
def test_whoever_meets_a_removal_readers_end_at_one_whole_date(rounds: Rounds, name: str, seed: int) -> None:
    outcome = rounds.play(PAIRS[name], seed)
    assert not outcome.problems, outcome


def test_every_pair_is_played() -> None:
    assert set(PAIRS) == {*test_publications.NAMES, *test_publications.RARE, *NAMES, *RARE}


def test_whoever_works_on_a_source_meets_everybody_else_who_does() -> None:
    stages = ("run", "other", "replace", "rollback", "approve", "prune", "retention", "refresh")
    wanted = {frozenset(two) for two in combinations_with_replacement(stages, 2)}
    assert wanted <= {frozenset(_stages(name)) for name in PAIRS}
    beside = ("rollback", "approve", "prune", "retention", "refresh")
    making = ("convert", "scan", "increment")
    wanted = {frozenset((one, other)) for one in making for other in (one, *beside)}
    assert wanted <= {frozenset(_stages(name)) for name in DYNAMO_PAIRS}


def _stages(name: str) -> list[str]:
    return ["run" if stage == "same" else stage for stage in name.split("-")]
