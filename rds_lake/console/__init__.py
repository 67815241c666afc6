"""The commands of `rds-lake` and their output, one file for each. Decisions are in `stages/`, arguments in `cli.py`."""
