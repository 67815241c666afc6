"""The commands of `rds-lake`, one file each: what they show a person. Rules are in `stages/`, arguments in `cli.py`."""
