"""Unloads: verified where only the run writes, then published whole."""
