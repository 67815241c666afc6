"""The commands of `rds-lake`, one file for each: what they print. Decisions are in `stages/`, arguments in `cli.py`."""
