"""A hundred thousand changes of eight writers, forwarded while forwarders are killed, on both engines; and how long inserts wait.

    python -m bench.forwarding [--changes 100000] [--engine mysql] [--locking-read]

The program is `rds_lake_tests/large/changes/forwarding.py`; its exit code is 1 when a change was lost or doubled, or an insert waited
too long for a lock.
"""

from bench.play import play

if __name__ == "__main__":
    play("changes.forwarding")
