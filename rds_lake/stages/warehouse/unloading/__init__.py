"""Unloads: verified in the run's staging, then published completely."""
