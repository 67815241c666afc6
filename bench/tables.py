"""What a date of 50 to 500 tables asks of AWS, and how that grows.

    python -m bench.tables [--sizes 50,100,250,500]

The program is `rds_lake_tests/large/tables.py`; its exit code is 1 when a bar is short.
"""

from bench.play import play

if __name__ == "__main__":
    play("tables")
