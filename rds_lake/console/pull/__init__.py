"""`rds-lake pull`: copies a date into a DuckDB file or a PostgreSQL database, and shows progress."""
