"""Runs, replacements and publications that meet: readers lose no row, and end at one date, whatever the order of calls.

Of each pair a few seeds; `python -m bench.interleave` plays hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import PAIRS, Rounds

# The pairs that lost rows or mixed dates before they were mended get most rounds.
SEEDS = {
    "run-same": 3,
    "run-other": 6,
    "run-replace": 4,
    "catalogue-replace": 8,
    "republish-replace": 8,
    "replace-replace": 2,
    "run-rollback": 6,
    "replace-rollback": 3,
    "rollback-rollback": 4,
    "run-approve": 2,
    "replace-approve": 3,
    "approve-rollback": 4,
    "approve-approve": 2,
    "begin-begin": 3,
}


@pytest.mark.parametrize("name", SEEDS)
def test_whoever_meets_whom_readers_end_at_one_whole_date(rounds: Rounds, name: str) -> None:
    for seed in range(1000, 1000 + SEEDS[name]):
        outcome = rounds.play(PAIRS[name], seed)
        assert not outcome.problems, outcome


def test_a_publication_that_came_and_went_while_another_moved_its_views_is_noticed(rounds: Rounds) -> None:
    """It left the pointer as the other had read it, to the byte."""
    outcome = rounds.play(PAIRS["approve-rollback"], 2002)
    assert not outcome.problems, outcome
