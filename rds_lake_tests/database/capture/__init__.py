"""Tests of rds_lake/database/capture."""
