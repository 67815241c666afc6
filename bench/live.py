"""A live view against the table's plain view: 10 million rows and 1 % changes.

    python -m bench.live --rows 10000000 --changes 100000

The program is `rds_lake_tests/large/changes/live.py`; its exit code is 1 when the live view takes more than twice as long.
"""

from bench.play import play

if __name__ == "__main__":
    play("changes.live")
