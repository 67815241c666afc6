"""Capture in the database itself: which tables can be captured, installing triggers, and comparing them with lake.yaml.

Only this folder and `outbox/` write to a source database.
"""
