"""The local cloud's Redshift: its SQL on DuckDB, the Data API, and the life of clusters and workgroups."""
