"""Athena's statements: one file per kind of statement, and `dispatch.py`, which recognises them."""
