"""Tests of rds_lake/aws."""
