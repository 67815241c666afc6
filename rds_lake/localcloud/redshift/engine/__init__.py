"""Databases of the local Redshift: their tables, their sessions, and the execution of each statement."""
