"""Tests of rds_lake/infra/template."""
