"""Athena: its API, and its SQL, executed by DuckDB over Glue's catalogue and the Parquet in S3."""
