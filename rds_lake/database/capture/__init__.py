"""Capture in the database itself: which tables can be captured, installing triggers, and what has changed since.

The only part of rds-lake that writes to a source database.
"""
