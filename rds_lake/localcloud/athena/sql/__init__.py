"""Translates Athena's SQL for DuckDB: the dialect, types, allowed names, and the partitions that are read."""
