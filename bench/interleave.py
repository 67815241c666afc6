"""Two stages at once, one AWS call at a time, in orders that seeds decide.

    python -m bench.interleave [--rounds 200] [--seed 1000] [--pair rollback-prune]

The program is `rds_lake_tests/large/interleave.py`; its exit code is 1 when a round lost, mixed or paid anything twice.
"""

from bench.play import play

if __name__ == "__main__":
    play("interleave")
