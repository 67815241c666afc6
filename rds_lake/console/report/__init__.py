"""`rds-lake report`: the report of a lake in a file."""
