"""Values and rules of the pipeline. No boto3, no dagster, no clock, no I/O.

What belongs here: frozen dataclasses that cross stages, and pure functions on them (names, ids, layouts,
parsers, plans). What does not: anything that needs a client, the time, a file or a framework.
"""
