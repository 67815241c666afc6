"""A date of the lake into a DuckDB file or a PostgreSQL database, from the lake's own files: no Athena."""
