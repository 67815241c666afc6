"""Redshift that exists only while it is needed: lease, stack, loads, steps, unloads, removal."""
