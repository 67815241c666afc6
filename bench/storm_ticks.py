"""The event storm at full size through the sensors themselves, without the daemon's processes.

    python -m bench.storm_ticks --messages 10000 --sources 40 --losses 10

The program is `rds_lake_tests/large/storm_ticks.py`; its exit code is 1 when an export is missing or paid twice, or a tick was slow.
"""

from bench.play import play

if __name__ == "__main__":
    play("storm_ticks")
