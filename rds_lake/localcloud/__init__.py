"""The local cloud: AWS as this pipeline needs it, on one machine, for the demo and the tests.

A router in front of moto, in one process. RDS's exports are written from a real database as real Parquet, Athena's queries
are executed by DuckDB. It refuses what AWS refuses. It imports nothing of the pipeline but `model`, and the pipeline nothing of
it: it is called by plain boto3 with `AWS_ENDPOINT_URL`. What it does and does not prove is in docs/fidelity.md.
"""
