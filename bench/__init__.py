"""Measurements that anybody can repeat from a checkout: `python -m bench.<name> --help`. They are not run by `make test`.

A measurement that needs a whole lake (a database, snapshots, Dagster) uses the one that the tests build: its program is in
`rds_lake_tests/large/`, and its command here only starts that program as another process, so that nothing here imports the tests.
"""
