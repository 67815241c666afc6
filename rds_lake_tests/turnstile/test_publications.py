"""Runs, replacements and publications that meet: readers lose no row, and end at one date, whatever the order of calls.

`make test` plays one seed of each pair, `make test-exhaustive` twenty, `python -m bench.interleave` hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import PAIRS, SEEDS, Rounds, exhaustive

NAMES = (
    "run-same",
    "run-other",
    "run-replace",
    "catalogue-replace",
    "republish-replace",
    "replace-replace",
    "run-rollback",
    "replace-rollback",
    "rollback-rollback",
    "run-approve",
    "replace-approve",
    "approve-rollback",
    "approve-approve",
    "begin-begin",
)
RARE = (
    "other-other",
    "other-replace",
    "other-rollback",
    "other-approve",
    "refresh-refresh",
    "refresh-other",
    "refresh-replace",
    "refresh-rollback",
    "refresh-approve",
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", (*NAMES, *exhaustive(RARE)))
def test_whoever_meets_whom_readers_end_at_one_whole_date(rounds: Rounds, name: str, seed: int) -> None:
    outcome = rounds.play(PAIRS[name], seed)
    assert not outcome.problems, outcome


def test_a_publication_that_came_and_went_while_another_moved_its_views_is_noticed(rounds: Rounds) -> None:
    """It left the pointer as the other had read it, to the byte."""
    outcome = rounds.play(PAIRS["approve-rollback"], 2002)
    assert not outcome.problems, outcome
