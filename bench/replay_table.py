"""Writes docs/permissions.md: which call of a whole lake's two days needs which statement of the printed policies.

    python -m bench.replay_table [--print]

The program is `rds_lake_tests/large/replay_table.py`.
"""

from bench.play import play

if __name__ == "__main__":
    play("replay_table")
