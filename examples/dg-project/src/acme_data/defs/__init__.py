"""Definitions, one folder or file each."""
