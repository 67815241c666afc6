"""Turns of a warehouse's runs that meet each other, the reaper and people who cancel: no harm is done, whatever the order of calls.

`make test` plays one seed of each pair, `make test-exhaustive` twenty, `python -m bench.interleave` hundreds.
"""

import pytest

from rds_lake_tests.turnstile.pairs import SEEDS
from rds_lake_tests.turnstile.warehouse.lab import WarehouseLab
from rds_lake_tests.turnstile.warehouse.pairs import WAREHOUSE_PAIRS, WarehouseRounds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse_rounds(warehouse_lab: WarehouseLab) -> WarehouseRounds:
    return WarehouseRounds(warehouse_lab)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", WAREHOUSE_PAIRS)
def test_whoever_meets_whom_runs_end_well_with_whole_results_and_leave_nothing(
    warehouse_rounds: WarehouseRounds, name: str, seed: int
) -> None:
    outcome = warehouse_rounds.play(WAREHOUSE_PAIRS[name], seed)
    assert not outcome.problems, outcome
