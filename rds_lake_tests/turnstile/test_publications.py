"""Runs, replacements and publications that meet: readers lose no row, and end at one date, whatever the order of calls.

Of each pair a few seeds; `python -m bench.interleave` plays hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import PAIRS, Rounds

# The pairs that lost rows or mixed dates before they were mended get most rounds.
SEEDS = {
    "run-same": 6,
    "run-other": 10,
    "run-replace": 6,
    "catalogue-replace": 16,
    "republish-replace": 16,
    "replace-replace": 4,
    "run-rollback": 12,
    "replace-rollback": 6,
    "rollback-rollback": 8,
    "run-approve": 4,
    "replace-approve": 6,
    "approve-rollback": 8,
    "approve-approve": 4,
    "begin-begin": 4,
}


@pytest.mark.parametrize("name", SEEDS)
def test_whoever_meets_whom_readers_end_at_one_whole_date(rounds: Rounds, name: str) -> None:
    for seed in range(1000, 1000 + SEEDS[name]):
        outcome = rounds.play(PAIRS[name], seed)
        assert not outcome.problems, outcome
