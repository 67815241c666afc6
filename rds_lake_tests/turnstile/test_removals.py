"""Removals that meet runs and publications: nobody removes what another is about to show, whatever the order of calls.

Of each pair a few seeds; `python -m bench.interleave` plays hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import PAIRS, Rounds

pytestmark = pytest.mark.slow

# The pair that published what had just been removed gets most rounds.
SEEDS = {
    "rollback-prune": 10,
    "rollback-retention": 6,
    "approve-prune": 4,
    "run-prune": 5,
    "other-prune": 4,
    "replace-prune": 6,
    "replace-retention": 4,
    "prune-prune": 3,
    "prune-retention": 3,
    "refresh-run": 2,
    "refresh-prune": 2,
}


@pytest.mark.parametrize("name", SEEDS)
def test_whoever_meets_a_removal_readers_end_at_one_whole_date(rounds: Rounds, name: str) -> None:
    for seed in range(1000, 1000 + SEEDS[name]):
        outcome = rounds.play(PAIRS[name], seed)
        assert not outcome.problems, outcome


def test_every_pair_is_played() -> None:
    from rds_lake_tests.turnstile.test_publications import SEEDS as PUBLICATIONS

    assert set(PAIRS) == {*PUBLICATIONS, *SEEDS}
