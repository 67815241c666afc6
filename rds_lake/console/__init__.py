"""What the command line shows a person: tables and progress. Rules are in `stages/`, arguments in `cli.py`."""
