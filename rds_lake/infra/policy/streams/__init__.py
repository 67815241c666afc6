"""Policies of the AWS objects for changes: the function that triggers call with its streams; the function that forwards outboxes."""
