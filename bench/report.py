"""The report of 40 sources, 800 tables and 400 dates: seconds, memory and size of the page.

    python -m bench.report

The program is `rds_lake_tests/large/report.py`; its exit code is 1 when one of them is too much.
"""

from bench.play import play

if __name__ == "__main__":
    play("report")
