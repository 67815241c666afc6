"""Databases of the local Redshift: their tables, sessions, and what each statement does."""
