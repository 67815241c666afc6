"""Tests of rds_lake/localcloud/lambdas."""
