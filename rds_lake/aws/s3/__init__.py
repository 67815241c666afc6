"""S3: through boto3 (`gateway.py`, `stream.py`), and through a faster client for thousands of requests (`many.py`, `wire.py`)."""
