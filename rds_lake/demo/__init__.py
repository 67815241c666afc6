"""`make demo` and `make dev`: the local cloud, the pipeline and Dagster started together on one machine.

What belongs here: starting, watching and stopping processes, and telling a person what happens. What does not:
anything the pipeline needs against AWS.
"""
