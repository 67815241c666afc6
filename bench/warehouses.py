"""A warehouse killed after each of its calls, in bad weather, and for a month.

    python -m bench.warehouses --seeds 50

The program is `rds_lake_tests/large/redshift/warehouses.py`; its exit code is 1 when anything is left, or more is billed than allowed.
"""

from bench.play import play

if __name__ == "__main__":
    play("redshift.warehouses")
