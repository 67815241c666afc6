"""Tests of rds_lake/infra/existing."""
