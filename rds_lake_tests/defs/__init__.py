"""Tests of rds_lake/defs."""
