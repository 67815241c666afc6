"""Athena's SQL as DuckDB has to see it: the dialect, types, which names are allowed, which partitions are read."""
