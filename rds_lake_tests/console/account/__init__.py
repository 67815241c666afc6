"""Tests of rds_lake/console/account."""
