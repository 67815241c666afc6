"""Capture in a real MariaDB."""
