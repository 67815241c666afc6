"""One thin gateway per AWS service; the client is injected, botocore's errors are translated once.

What belongs here: calls, paging, batch limits, per-item errors, and JSON to frozen values at the border. What
does not: any decision about the pipeline.
"""
