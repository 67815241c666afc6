"""A date's columns as DuckDB reads them from the lake's files, for a DuckDB file and for PostgreSQL's COPY."""
