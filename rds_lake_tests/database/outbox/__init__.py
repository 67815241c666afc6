"""Tests of rds_lake/database/outbox."""
