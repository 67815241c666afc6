"""Converts a date's accepted exports to typed files and the manifest: on this machine (`local.py`), or by AWS Glue (`glue/`)."""
