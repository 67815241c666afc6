"""Tests of rds_lake/stages/streams."""
