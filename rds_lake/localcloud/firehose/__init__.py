"""Firehose: delivery streams that write to S3."""
