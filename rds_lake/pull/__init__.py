"""Copies a snapshot date from the lake's files into a DuckDB file or a PostgreSQL database, without Athena."""
