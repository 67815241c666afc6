"""`rds-lake pull`: a date into a DuckDB file or a PostgreSQL database, with its progress."""
