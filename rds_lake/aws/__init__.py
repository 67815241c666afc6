"""One thin gateway per AWS service. The client is an argument; botocore's errors are translated in one place.

What belongs here: calls, paging, batch limits, errors per item, and JSON to frozen values. Decisions of the pipeline do not.
"""
