"""Tests of rds_lake/localcloud/athena."""
