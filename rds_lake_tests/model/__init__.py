"""Tests of rds_lake/model."""
