"""Streams as a whole, on both engines: 100,000 changes of eight writers, and twenty snapshots at random moments, each rebuilt.

    python -m bench.streams [--changes 100000] [--snapshots 20] [--seed 1] [--engine mysql] [--mutation max-id]

The program is `rds_lake_tests/large/streams.py`; its exit code is 1 when a snapshot or a live view was not what it has to be.
"""

from bench.play import play

if __name__ == "__main__":
    play("streams")
