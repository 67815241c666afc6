"""The lake as sources of a dbt project: the tables of the lake are merged into one file."""
