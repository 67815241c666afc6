"""One thin gateway per AWS service. The client is an argument; `translate.py` translates botocore's errors.

What belongs here: calls, paging, batch limits, errors per item, and parsing answers. The pipeline's decisions are in `stages/`.
"""
