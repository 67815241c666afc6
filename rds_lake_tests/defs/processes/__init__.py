"""Dagster as processes."""
