"""What triggers cost writers of PostgreSQL and MariaDB, against the same work without them.

    python -m bench.capture_cost [--engine mariadb] [--rows 100000] [--seconds 3] [--rounds 5]

The program is `rds_lake_tests/large/changes/capture_cost.py`; its exit code is 1 when a bar is short.
"""

from bench.play import play

if __name__ == "__main__":
    play("changes.capture_cost")
