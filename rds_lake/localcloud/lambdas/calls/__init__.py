"""Calls of functions from databases: the built-in functions of Aurora and RDS, for the databases behind the local cloud."""
