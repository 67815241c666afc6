"""Spectrum: schemas whose tables are in Glue, and their files in S3."""
