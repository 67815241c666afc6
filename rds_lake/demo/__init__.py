"""`make demo` and `make dev`: start, watch and stop the local cloud, the pipeline and Dagster together on one machine.

Nothing here is needed against AWS.
"""
