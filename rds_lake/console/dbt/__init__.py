"""The lake as sources of a dbt project: one file, into which is merged what the lake has."""
