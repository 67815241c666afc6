"""Capture in the database itself."""
