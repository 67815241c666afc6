"""S3: through boto3 (`gateway.py`, `stream.py`), and by a wire of our own for requests by the thousand (`many.py`, `wire.py`)."""
