"""Loads of a warehouse by the gigabyte or by the hundred: statements at once, the worker's memory, turns and calls.

    python -m bench.loads --tables 50 --gb 5

The program is `rds_lake_tests/large/redshift/loads.py`; its exit code is 1 when more run at once than may, or the worker grows.
"""

from bench.play import play

if __name__ == "__main__":
    play("redshift.loads")
