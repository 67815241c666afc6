"""Writes docs/streams-triggers.md: the SQL that is generated for two tables, on both engines.

    python -m bench.trigger_ddl

The program is `rds_lake_tests/large/trigger_ddl.py`; a test compares the page with what is generated now.
"""

from bench.play import play

if __name__ == "__main__":
    play("trigger_ddl")
