"""Translates Redshift's SQL to DuckDB's."""
