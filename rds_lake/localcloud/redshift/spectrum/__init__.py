"""Spectrum: schemas whose tables are Glue's, read in S3."""
