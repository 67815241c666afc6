"""Dates of a real lake, pulled into DuckDB files and PostgreSQL databases."""
