"""`capture: lambda` with 5 % lost, 2 % phantom, 5 % doubled, shuffled: what the next snapshot finds, for both engines.

    python -m bench.arrivals --changes 20000

The program is `rds_lake_tests/large/changes/arrivals.py`; its exit code is 1 when a loss that changes a row is not found,
less than 95 % of the others are, or a clean day raises an alarm.
"""

from bench.play import play

if __name__ == "__main__":
    play("changes.arrivals")
