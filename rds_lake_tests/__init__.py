"""Tests of rds_lake; the tree mirrors the package."""

import gc

# Python looks through all objects again and again for circles that nothing refers to: a fourth of the time of importing moto,
# Dagster and boto3, and a sixth of the tests'. Those three keep a million objects that never go.
gc.set_threshold(50_000, 20, 10)
