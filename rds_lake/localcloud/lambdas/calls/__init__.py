"""Calls of functions out of databases: what Aurora and RDS have built in, for the databases behind the local cloud."""
