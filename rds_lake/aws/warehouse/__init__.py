"""Redshift: what a warehouse is made of, and the statements that it is sent."""
