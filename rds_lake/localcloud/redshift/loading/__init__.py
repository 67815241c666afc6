"""COPY: files of S3 into a table."""
