"""Removals that meet runs and publications: nobody removes what another is about to show, whatever the order of calls.

`make test` plays one seed of each pair, `make test-exhaustive` twenty, `python -m bench.interleave` hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import PAIRS, SEEDS, Rounds

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


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_whoever_meets_a_removal_readers_end_at_one_whole_date(rounds: Rounds, name: str, seed: int) -> None:
    outcome = rounds.play(PAIRS[name], seed)
    assert not outcome.problems, outcome


def test_every_pair_is_played() -> None:
    from rds_lake_tests.turnstile.test_publications import NAMES as PUBLICATIONS

    assert set(PAIRS) == {*PUBLICATIONS, *NAMES}
