"""Tests of rds_lake/infra/stack."""
