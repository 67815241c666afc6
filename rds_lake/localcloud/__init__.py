"""The local cloud: AWS as this pipeline needs it, on one machine, for the demo and the tests.

moto behind our router in one process, with real data planes for RDS exports (a real PostgreSQL, real Parquet) and Athena
(DuckDB). It refuses what AWS refuses. It knows nothing of the pipeline, and the pipeline nothing of it: plain boto3
against `AWS_ENDPOINT_URL`. What it does and does not prove is in docs/fidelity.md.
"""
