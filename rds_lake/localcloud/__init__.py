"""The local cloud: the parts of AWS that this pipeline needs, on one machine, for the demo and the tests.

It is a router in front of moto, in one process. Exports of RDS are written from a real database as real Parquet, and DuckDB
executes Athena's queries. It refuses what AWS refuses. Of the pipeline it imports only `model`, and the pipeline does not import the
local cloud: plain boto3 calls it by `AWS_ENDPOINT_URL`. docs/fidelity.md says what it proves and what it does not.
"""
