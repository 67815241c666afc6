"""The stages of a date: export, relocate, catalogue, check, publish, clean up.

What belongs here: plain functions over gateways and values, callable from Dagster, a REPL or Lambda. What
does not: dagster, reading the environment, building clients.
"""
