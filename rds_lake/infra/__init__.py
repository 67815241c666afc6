"""The AWS objects a lake needs, from the same configuration as the pipeline.

What belongs here: creating and describing them. What does not: anything a run does.
"""
