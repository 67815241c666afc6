"""One thin gateway per AWS service; the client is an argument, botocore's errors are translated once.

Calls, paging, batch limits, errors per item, and JSON to frozen values at the border; no decision about the pipeline.
"""
