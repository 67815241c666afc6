"""Tests of rds_lake/localcloud/firehose."""
