"""An event storm with Dagster's real daemon, killed (SIGKILL) again and again.

    python -m bench.storm --messages 10000 --sources 40 --kills 10

The program is `rds_lake_tests/large/storm.py`; its exit code is 1 when an export is missing or paid twice, or a tick failed.
"""

from bench.play import play

if __name__ == "__main__":
    play("storm")
