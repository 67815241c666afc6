"""Tests of rds_lake; the tree mirrors the package."""
