"""Redshift's SQL in DuckDB's: what may be said, what it means, and with which types."""
