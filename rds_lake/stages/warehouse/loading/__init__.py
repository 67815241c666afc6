"""Loads: all statements are decided first; then each load fills a new table, which is verified and replaces the old one."""
