"""Tests of rds_lake/sql."""
