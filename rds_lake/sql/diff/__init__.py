"""Compares two snapshot dates of one table: chooses the columns, and renders the statement that finds different rows."""
