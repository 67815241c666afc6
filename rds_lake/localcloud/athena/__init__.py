"""Athena's data plane: SQL really executed, over Glue's catalogue and the Parquet in S3, by DuckDB.

What belongs here: the API, the dialect, and how a table is read. What does not: anything of the pipeline.
"""
