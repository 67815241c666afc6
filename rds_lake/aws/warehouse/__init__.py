"""Redshift: the AWS objects of a warehouse, and its statements."""
