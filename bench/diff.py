"""Two dates of a table compared, against reading both once: 10 million rows, of which 1 % changed.

    python -m bench.diff --rows 10000000

The program is `rds_lake_tests/large/diff.py`; its exit code is 1 when the comparison reads or takes too much.
"""

from bench.play import play

if __name__ == "__main__":
    play("diff")
